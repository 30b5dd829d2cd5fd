"""Makes the list of orders slower by a counted amount of its own work.

In a copy of the sample service it is `service/twice.py`, around the routes.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Twice:
    """Does every so many-th page of orders twice, and sends the second one."""

    def __init__(self, app: ASGIApp, every: int) -> None:
        """Take what answers, and which pages are done twice; 0: none."""
        self._app = app
        self._every = every
        self._pages = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, once or twice."""
        is_page = scope["type"] == "http" and (scope["method"], scope["path"]) == ("GET", "/orders")
        self._pages += is_page
        if is_page and self._every and self._pages % self._every == 0:
            await self._app(dict(scope), _nothing_more, _drop)
        await self._app(scope, receive, send)


async def _nothing_more() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _drop(message: Message) -> None:
    del message
