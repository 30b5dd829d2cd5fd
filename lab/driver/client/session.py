"""The session of a user: requests like those of `requests.Session`, each reported to Locust."""

from __future__ import annotations

from typing import Any


class LeanHttpSession:
    """To be written."""

    def __init__(self, base_url: str, request_event: Any, user: Any = None, **options: Any) -> None:
        self.base_url, self.request_event, self.user = base_url, request_event, user

    def close(self) -> None:
        """Close all connections."""
