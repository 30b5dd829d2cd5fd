"""Requests drawn at random, the same for the same server and seed.

Two things are not drawn, because httpx does not do them as `requests` does, which the lean client
follows: cookies for a single request that is redirected (httpx forgets them at the first hop), and
a form or JSON whose redirect becomes a GET (httpx drops the body, and goes on naming its type).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

METHODS = ("GET", "GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
STATUSES = (200, 201, 202, 203, 400, 401, 403, 404, 405, 409, 410, 418, 422, 429, 500, 502, 503)
REDIRECTS = (301, 302, 303, 307, 308)
SIZES = (0, 1, 7, 1000, 70_000, 1_000_000)
MOST_HOPS = 4
_METHOD_IS_KEPT = ("/redirect/307", "/redirect/308")
_LETTERS = "abcXYZ0189"
_FOREIGN = "äéßøñ漢字日本語Ωж🙂"
_SPECIAL = " .-_~,;:@!$'()*"  # none that a path or a query is cut at


_Body = tuple[bytes | None, dict[str, str] | None, Any]  # bytes, form, JSON


@dataclass(frozen=True)
class Request:
    """A request, in words that both clients are asked with."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    form: Mapping[str, str] | None = None
    json: Any = None
    follow: bool = True


class Generator:
    """Draws requests for a server.

    Args:
        server: Its kind. Of nginx only what a configuration can answer is asked.
        seed: Of the draws.
    """

    def __init__(self, server: str, seed: int) -> None:
        self._draw = random.Random(f"{server} {seed}")
        self._plain = server == "nginx"
        routes: list[Callable[[], str]] = [
            lambda: f"/echo/{self._text(12)}",
            lambda: f"/echo/{self._text(12)}",
            lambda: f"/status/{self._draw.choice(STATUSES)}",
            lambda: f"/bytes/{self._draw.choice(SIZES)}",
            lambda: f"/gzip/{self._draw.choice(SIZES)}",
            lambda: f"/redirect/{self._draw.choice(REDIRECTS)}/{self._draw.randint(1, MOST_HOPS)}",
            lambda: f"/cookies/{self._draw.choice('abc')}/{self._letters(8)}",
            lambda: "/empty/204",
            lambda: "/latin",
        ]
        if not self._plain:
            routes += [
                lambda: f"/deflate/{self._draw.choice(SIZES)}",
                lambda: f"/chunked/{self._draw.choice(SIZES)}",
                lambda: "/empty/304",
            ]
        self._routes = routes

    def requests(self, count: int) -> list[Request]:
        """So many requests."""
        return [self._request() for _ in range(count)]

    def _request(self) -> Request:
        draw = self._draw
        path, method = draw.choice(self._routes)(), draw.choice(METHODS)
        if self._plain and path.startswith(("/bytes", "/gzip", "/latin")):
            method = draw.choice(("GET", "HEAD"))  # files
        body, form, json = None, None, None
        redirected = path.startswith("/redirect")
        if method in ("POST", "PUT", "PATCH"):
            kinds = [self._bytes, self._nothing]
            if not redirected or path.startswith(_METHOD_IS_KEPT):
                kinds += [self._form, self._json]
            body, form, json = draw.choice(kinds)()
        return Request(
            method,
            path,
            params={self._text(4): self._text(9) for _ in range(draw.randint(0, 3))},
            headers=self._headers(),
            cookies=self._cookies() if draw.random() < 0.3 and not redirected else {},
            body=body,
            form=form,
            json=json,
            follow=draw.random() < 0.8,
        )

    def _cookies(self) -> dict[str, str]:
        """Of the request alone; nginx would show them in the order in which they come."""
        return {} if self._plain else {"own": self._letters(5)}

    def _headers(self) -> dict[str, str]:
        draw = self._draw
        headers = {"Accept-Encoding": draw.choice(("gzip, deflate", "gzip", "identity"))}
        for name in ("X-One", "x-two"):
            if draw.random() < 0.5:
                headers[name] = self._letters(draw.choice((1, 20, 300)))
        return headers

    def _bytes(self) -> _Body:
        return self._draw.randbytes(self._draw.choice(SIZES[:5])), None, None

    def _form(self) -> _Body:
        return None, {self._text(5): self._text(20) for _ in range(self._draw.randint(1, 4))}, None

    def _json(self) -> _Body:
        return None, None, {self._text(5): [self._draw.randint(-9, 9), self._text(9), None, True]}

    def _nothing(self) -> _Body:
        return None, None, None

    def _letters(self, most: int) -> str:
        return "".join(self._draw.choices(_LETTERS, k=self._draw.randint(1, most)))

    def _text(self, most: int) -> str:
        """Of any characters; of nginx, which shows a query as it came, only such as are one way."""
        among = _LETTERS + _FOREIGN + ("" if self._plain else _SPECIAL)
        drawn = "".join(self._draw.choices(among, k=self._draw.randint(1, most)))
        return drawn.replace("..", "a.") if set(drawn) - set(". ") else "dots"
