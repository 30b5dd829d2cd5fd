"""What happens around every request: it gets an id, and is counted."""

import uuid
from time import perf_counter
from typing import cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.metrics import HttpMetrics

PROBES = frozenset({"/health", "/ready", "/metrics"})
REQUEST_ID_HEADER = "X-Request-ID"
_UNKNOWN_ROUTE = "unknown"
_HEADER = REQUEST_ID_HEADER.lower().encode()


def request_id(scope: Scope) -> str:
    """The id that the request was given."""
    return cast(str, scope["state"]["request_id"])


class Observe:
    """Gives each request an id and counts it; plain ASGI, which costs little."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and watch it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identity = uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = identity
        status = 500

        async def identified(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (_HEADER, identity.encode())]
            await send(message)

        if scope["path"] in PROBES:
            await self._app(scope, receive, identified)
            return
        started = perf_counter()
        self._metrics.in_flight.enter()
        try:
            await self._app(scope, receive, identified)
        finally:
            self._metrics.in_flight.leave()
            # The template, not the path: paths have ids in them, without number.
            route = getattr(scope.get("route"), "path", _UNKNOWN_ROUTE)
            method = scope["method"] if route != _UNKNOWN_ROUTE else _UNKNOWN_ROUTE
            self._metrics.answered(method, route, status, perf_counter() - started)
