"""The cookies of a user: a jar of `requests` that says when it changes, and how long it holds.

Requests are built once and kept as bytes, with their cookies: what changes those has to be known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.message import Message
from http.cookiejar import Cookie, CookieJar
from typing import Any
from urllib.request import Request

from requests.cookies import RequestsCookieJar

Cookies = Mapping[str, str] | CookieJar


class WatchedCookieJar(RequestsCookieJar):
    """Calls a function after each change."""

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self._changed = changed

    def set_cookie(self, cookie: Cookie, *arguments: Any, **options: Any) -> Any:
        """As any jar."""
        kept: Any = vars(self)["_cookies"]
        known = kept.get(cookie.domain, {}).get(cookie.path, {}).get(cookie.name)
        super().set_cookie(cookie, *arguments, **options)
        if known is None or vars(known) != vars(cookie):
            self._changed()

    def clear(
        self, domain: str | None = None, path: str | None = None, name: str | None = None
    ) -> None:
        """As any jar."""
        super().clear(domain, path, name)
        self._changed()

    @property
    def holds_until(self) -> float:
        """When the first of its cookies expires, in seconds since the epoch."""
        return min(
            (each.expires for each in self if each.expires is not None), default=float("inf")
        )


def cookie_header(jar: CookieJar, url: str) -> str | None:
    """The field `Cookie` of a request to this URL; None if no cookie of the jar is for it."""
    request = Request(url)
    jar.add_cookie_header(request)
    return request.get_header("Cookie")


def keep(jar: CookieJar, url: str, values: list[str]) -> None:
    """Take cookies from the `Set-Cookie` fields of the answer to a request to this URL."""
    answer: Any = _Answer(values)
    jar.extract_cookies(answer, Request(url))


def own_cookies_header(cookies: Cookies, url: str) -> str | None:
    """Of cookies that a single request is given: those of a mapping are for any host."""
    if isinstance(cookies, CookieJar):
        return cookie_header(cookies, url)
    return "; ".join(f"{name}={value}" for name, value in cookies.items()) or None


class _Answer:
    """An answer as a jar reads it."""

    def __init__(self, values: list[str]) -> None:
        self._message = Message()
        for value in values:
            self._message["Set-Cookie"] = value

    def info(self) -> Message:
        return self._message
