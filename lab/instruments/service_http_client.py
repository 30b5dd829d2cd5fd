"""Small GET requests to a service on this machine, over one connection that is kept open."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from lab.errors import MeasurementError


class HttpError(MeasurementError):
    """The service could not be reached, or its answer is not the one expected."""


class HttpClient:
    """GET requests to one base URL. Threads must not share it."""

    def __init__(self, base_url: str, timeout_s: float = 15.0) -> None:
        parts = urlsplit(base_url)
        self._connection = http.client.HTTPConnection(
            parts.hostname or "127.0.0.1", parts.port or 80, timeout=timeout_s
        )

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body, after one retry: an idle connection may have been closed."""
        for last in (False, True):
            try:
                self._connection.request("GET", path)
                response = self._connection.getresponse()
                return response.status, response.read()
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                if last:
                    raise HttpError(f"GET {path}: {error or type(error).__name__}") from error
        raise AssertionError

    def get_json(self, path: str) -> dict[str, Any]:
        """The JSON object of a response; HttpError if its status is not 200."""
        status, body = self.get(path)
        if status != 200:
            raise HttpError(f"GET {path}: status {status}")
        try:
            data = json.loads(body)
        except ValueError as error:
            raise HttpError(f"GET {path}: not JSON") from error
        if not isinstance(data, dict):
            raise HttpError(f"GET {path}: not a JSON object")
        return data

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
