"""Real servers, and requests that are generated for them: the same answers as httpx gets."""
