"""What happens around every request: it gets an id, is limited, and is measured.

All of it is plain ASGI, which costs little.
"""

import re
import uuid
from time import perf_counter

from fastapi import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.http.envelope import REQUEST_ID_HEADER
from service.http.errors import BodyTooLarge, crashed, refused
from service.metrics import HttpMetrics

PROBES = frozenset({"/health", "/ready", "/metrics"})
_UNKNOWN_ROUTE = "unknown"
_EVENT_STREAM = (b"content-type", b"text/event-stream; charset=utf-8")
_HEADER = REQUEST_ID_HEADER.lower().encode()
# Anything else could forge lines of the log.
_SANE = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class Identify:
    """Gives each request an id, its client's own if that is sane, and answers for a crash."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = _header(scope, _HEADER)
        identity = given if given and _SANE.fullmatch(given) else uuid.uuid4().hex.encode()
        scope.setdefault("state", {})["request_id"] = identity.decode()
        answering = False

        async def identified(message: Message) -> None:
            nonlocal answering
            if message["type"] == "http.response.start":
                answering = True
                message["headers"] = [*message["headers"], (_HEADER, identity)]
            await send(message)

        try:
            await self._app(scope, receive, identified)
        except Exception as error:
            answer = crashed(Request(scope), error)
            if answering:
                raise  # the server can only cut the answer off
            await answer(scope, receive, identified)


class LimitBody:
    """Refuses a body that is too long, before reading it if its length is declared."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if its body is short enough."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif (length := _header(scope, b"content-length")) is None:
            await self._app(scope, self._counted(receive), send)
        elif not length.isdigit() or int(length) > self._limit:
            answer = refused(Request(scope), BodyTooLarge("the body is too large"))
            await answer(scope, receive, send)
        else:
            # The server lets no more through than was declared.
            await self._app(scope, receive, send)

    def _counted(self, receive: Receive) -> Receive:
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > self._limit:
                    # The only kind that FastAPI lets pass while it reads a body.
                    raise HTTPException(413)
            return message

        return counted


class Measure:
    """Counts each request, probes left out."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and watch it."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        status = 500
        # Of a stream, how long it took to begin: it stays open, but nobody waits for its end.
        seconds: float | None = None

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if _EVENT_STREAM in message["headers"]:
                    begin_stream()
            await send(message)

        def begin_stream() -> None:
            nonlocal seconds
            seconds = perf_counter() - started
            self._metrics.in_flight.leave()
            self._metrics.streams.inc()

        started = perf_counter()
        self._metrics.in_flight.enter()
        try:
            await self._app(scope, receive, watched)
        finally:
            if seconds is None:
                seconds = perf_counter() - started
                self._metrics.in_flight.leave()
            else:
                self._metrics.streams.dec()
            # The template, not the path: paths have ids in them, without number.
            route = getattr(scope.get("route"), "path", _UNKNOWN_ROUTE)
            method = scope["method"] if route != _UNKNOWN_ROUTE else _UNKNOWN_ROUTE
            self._metrics.answered(method, route, status, seconds)


def _header(scope: Scope, name: bytes) -> bytes | None:
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None
