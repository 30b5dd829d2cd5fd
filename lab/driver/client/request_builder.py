"""Builds the requests of a session, and keeps the bytes of those that are sent again."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Mapping
from time import time
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit

from requests.exceptions import InvalidURL

from lab.driver.client.body import Body, encode
from lab.driver.client.cookie_jar import (
    Cookies,
    WatchedCookieJar,
    cookie_header,
    own_cookies_header,
)
from lab.driver.client.header_lines import (
    Lines,
    WatchedHeaders,
    add_line,
    authorization,
    lines_of,
)
from lab.driver.client.request_options import PLAIN, Options
from lab.driver.client.sent_request import (
    Beginning,
    SentRequest,
    finish,
    head_of,
    lines_of_head,
)
from lab.driver.client.target import Endpoint, Target, parse
from lab.driver.client.tls import context_for

DEFAULT_HEADERS = {
    "User-Agent": "bottleneck-lab",
    "Accept-Encoding": "gzip, deflate",
    "Accept": "*/*",
    "Connection": "keep-alive",
}
_MAX_KEPT = 64  # requests of a user, and as many beginnings of them: there may be many users
_ABSOLUTE = re.compile("https?://", re.IGNORECASE)
_METHOD = re.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class RequestBuilder:
    """Knows what all requests of a session share: its address, header fields, cookies, TLS.

    Attributes:
        kept: Requests without any options, by their method and URL as they were asked for. Empty
            after each change of what all requests share.
        holds_until: When the first cookie in them expires, in seconds since the epoch.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str] | None,
        verify: bool | str,
        context_factory: Callable[[], ssl.SSLContext] | None,
    ) -> None:
        self.kept: dict[tuple[str, str], SentRequest] = {}
        self.holds_until = float("inf")
        self._beginnings: dict[Any, Beginning] = {}
        self._lines: Lines | None = None
        self._endpoints: dict[Any, Endpoint] = {}
        self._verify, self._context_factory = verify, context_factory
        self._auth: Any = None
        self.set_base_url(base_url)
        self.headers = WatchedHeaders(self.changed, DEFAULT_HEADERS)
        self.headers.update(headers or {})
        self.cookies = WatchedCookieJar(self.changed)

    # -- what all requests share --------------------------------------------------------------

    def changed(self) -> None:
        """Keep nothing that was built before."""
        self.kept.clear()
        self._beginnings.clear()
        self._lines = None
        self.holds_until = float("inf")

    def set_base_url(self, url: str) -> None:
        """Set the address that paths are added to; a name and password in it are for it alone."""
        parts = urlsplit(url)
        user, _, host = parts.netloc.rpartition("@")
        self._base_auth: tuple[str, str] | None = None
        if user:
            name, _, password = user.partition(":")
            self._base_auth = unquote(name), unquote(password)
            url = urlunsplit(parts._replace(netloc=host))
        self.base_url = url
        self.changed()

    def set_headers(self, headers: Mapping[Any, Any] | None) -> None:
        """Replace all header fields."""
        self.headers = WatchedHeaders(self.changed, headers or {})
        self.changed()

    def set_cookies(self, cookies: Any) -> None:
        """Replace all cookies; by a mapping or a jar."""
        self.cookies = WatchedCookieJar(self.changed)
        self.cookies.update(cookies or {})
        self.changed()

    @property
    def auth(self) -> Any:
        """Name and password of all requests; None for none."""
        return self._auth

    @auth.setter
    def auth(self, auth: Any) -> None:
        self._auth = auth
        self.changed()

    @property
    def verify(self) -> bool | str:
        """Whether certificates are checked, or a file or folder of authorities."""
        return self._verify

    @verify.setter
    def verify(self, verify: bool | str) -> None:
        self._verify = verify
        self.changed()

    @property
    def endpoints(self) -> list[Endpoint]:
        """All places that requests went to."""
        return list(self._endpoints.values())

    def base_endpoint(self) -> Endpoint:
        """The place that paths are asked for at."""
        return self._endpoint(parse(self.base_url), None)

    # -- one request --------------------------------------------------------------------------

    def build(self, method: str, url: str, options: Options) -> SentRequest:
        """A request, new or kept.

        Raises:
            InvalidURL, InvalidSchema, InvalidHeader, InvalidJSONError, TypeError: What was asked
                for cannot be sent as it is.
        """
        if time() >= self.holds_until:
            self.changed()
        body = encode(options.data, options.json, options.files)
        own = (options.params, options.cookies, options.files, options.auth, options.verify)
        plain = own == (None,) * len(own)  # but for headers and body
        key: Any = None
        beginning = None
        if plain:
            headers = options.headers
            listed = tuple(headers.items()) if headers else None
            key = method, url, body is not None and body.content_type, listed
            try:
                beginning = self._beginnings.get(key)
            except TypeError:  # a value that no header may have: it is refused below
                key = None
        if beginning is None:
            beginning = self._begin(method, url, options, body)
            if key is not None:
                if len(self._beginnings) >= _MAX_KEPT:
                    self._beginnings.clear()
                self._beginnings[key] = beginning
        elif options is PLAIN:  # asked for a second time
            if len(self.kept) >= _MAX_KEPT:
                self.kept.clear()
            request = self.kept[method, url] = finish(beginning, body)
            return request
        return finish(beginning, body)

    def redirected(
        self, sent: SentRequest, status: int, location: str, options: Options, trusted: bool
    ) -> SentRequest:
        """The request that an answer asks for.

        Args:
            sent: That was answered.
            status: Of the answer.
            location: Of the answer.
            options: Of the first request.
            trusted: Whether all requests so far went to one scheme, host and port. If not, or if
                this one goes elsewhere, it gets nothing that was meant for that one alone: name
                and password, the request's own cookies, its own host.

        Raises:
            InvalidURL, InvalidSchema: The location is no address of HTTP.
        """
        url, fragment = urldefrag(urljoin(sent.url, location))
        fragment = fragment or urldefrag(sent.url).fragment
        target = parse(url)
        trusted = trusted and target.origin == sent.target.origin
        explicit = {**self._session_lines(), **lines_of(options.headers)} if trusted else {}
        lines = lines_of_head(sent.data)
        lines.pop(b"content-length", None)
        for name in (b"host", b"cookie"):
            if name not in explicit:
                lines.pop(name, None)
        if not trusted:
            lines.pop(b"authorization", None)
        method, body = _next_method(status, sent.method), None
        if method == sent.method and sent.body is not None:
            body = Body(sent.body, None)
        else:
            lines.pop(b"content-type", None)
        self._add_cookies(lines, target.url, options.cookies if trusted else None)
        endpoint = self._endpoint(target, options.verify)
        shown = target._replace(url=f"{target.url}#{fragment}") if fragment else target
        return finish(Beginning(method, shown, endpoint, head_of(method, target, lines)), body)

    def _begin(self, method: str, url: str, options: Options, body: Body | None) -> Beginning:
        verb = method.upper()
        if not _METHOD.fullmatch(method) or verb == "CONNECT":
            raise InvalidURL(f"{method!r} is no method of a request to a server")
        target = parse(self.complete(url), options.params)
        lines = self._merged(options.headers)
        if body is not None and body.content_type and b"content-type" not in lines:
            add_line(lines, "Content-Type", body.content_type)
        lines.pop(b"content-length", None)
        if (auth := self._auth_for(target, options)) is not None:
            add_line(lines, "Authorization", authorization(auth))
        self._add_cookies(lines, target.url, options.cookies)
        endpoint = self._endpoint(target, options.verify)
        return Beginning(verb, target, endpoint, head_of(verb, target, lines))

    def complete(self, url: str) -> str:
        """An absolute URL, of a path as well."""
        text = url.decode() if isinstance(url, bytes) else str(url)
        return text if _ABSOLUTE.match(text) else f"{self.base_url}{text}"

    def _auth_for(self, target: Target, options: Options) -> Any:
        for auth in (options.auth, self._auth, target.auth):
            if auth is not None:
                return auth
        if self._base_auth is not None and target.origin == parse(self.base_url).origin:
            return self._base_auth
        return None

    def _session_lines(self) -> Lines:
        if self._lines is None:
            self._lines = lines_of(self.headers)
        return self._lines

    def _merged(self, headers: Mapping[Any, Any] | None) -> Lines:
        if not headers:
            return dict(self._session_lines())
        if any(value is None for value in headers.values()):
            return lines_of(self.headers, headers)
        return {**self._session_lines(), **lines_of(headers)}

    def _add_cookies(self, lines: Lines, url: str, own: Cookies | None) -> None:
        if b"cookie" in lines:
            return
        values = []
        if len(self.cookies):
            values.append(cookie_header(self.cookies, url))
            self.holds_until = self.cookies.holds_until
        if own:
            values.append(own_cookies_header(own, url))
        if any(values):
            add_line(lines, "Cookie", "; ".join(filter(None, values)))

    def _endpoint(self, target: Target, verify: bool | str | None) -> Endpoint:
        verify = self._verify if verify is None else verify
        key = (*target.origin, verify if target.tls else None)
        endpoint = self._endpoints.get(key)
        if endpoint is None:
            context = None
            if target.tls:
                factory = self._context_factory
                context = context_for(verify) if factory is None else factory()
            shown = f"[{target.host}]" if ":" in target.host else target.host
            label = f"{shown}:{target.port}"
            endpoint = Endpoint(target.host, target.port, label, context)
            self._endpoints[key] = endpoint
        return endpoint


def _next_method(status: int, method: str) -> str:
    """As browsers have it, and `requests` with them."""
    if method != "HEAD" and (status in (302, 303) or (status == 301 and method == "POST")):
        return "GET"
    return method
