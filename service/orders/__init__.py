"""Orders: what they are and how they come about."""
