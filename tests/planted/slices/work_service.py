"""A service without a database, whose processor binds: a request is a counted number of steps.

In a copy of the sample service it takes the place of `service/app.py`. It is measured as the sample
is. Settings: WORK_STEPS of each request; DEFERRED_STEPS that it leaves to be done a second later;
WORK_SPREAD, by which a process is slower or faster, as a share: drawn when it starts.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import uuid
from types import SimpleNamespace

from prometheus_client import CollectorRegistry, generate_latest
from starlette.types import ASGIApp, Receive, Scope, Send

from service.http.middleware import Measure
from service.metrics import HttpMetrics
from service.settings import ServiceSettings

DEFERRED_S = 1.0


def steps(count: int) -> int:
    """As many additions; nothing else takes time."""
    total = 0
    for number in range(count):
        total += number & 7
    return total


class Work:
    """Answers `/work`, and what those who run a service ask it."""

    def __init__(self, settings: ServiceSettings) -> None:
        values = settings.model_dump()
        drawn = 1 + random.SystemRandom().uniform(-1, 1) * values["work_spread"]
        self._steps = round(values["work_steps"] * drawn)
        self._deferred = round(values["deferred_steps"] * drawn)
        ready = {
            "instance": str(uuid.uuid4()), "pid": os.getpid(), "settings": settings.canonical(),
        }  # fmt: skip
        self._ready = json.dumps(ready).encode()
        self._registry = CollectorRegistry()
        self._measured: ASGIApp = Measure(self._answer, HttpMetrics(self._registry))
        self.state = SimpleNamespace(stopping=lambda: None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request, or the lifespan."""
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
        else:
            await self._measured(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, status, kind = b"{}", 200, b"application/json"
        match scope["path"]:
            case "/work":
                scope["route"] = SimpleNamespace(path="/work")
                steps(self._steps)
                if self._deferred:
                    asyncio.get_running_loop().call_later(DEFERRED_S, steps, self._deferred)
            case "/ready":
                body = self._ready
            case "/metrics":
                body, kind = generate_latest(self._registry), b"text/plain; version=0.0.4"
            case _:
                status = 404
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def create_app(settings: ServiceSettings) -> Work:
    """As `service.app.create_app`."""
    return Work(settings)
