"""Where a request goes: the parts of a URL, encoded as `requests` encodes it."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from requests import PreparedRequest
from requests.exceptions import InvalidSchema, InvalidURL
from requests.utils import get_auth_from_url

_PORTS = {"http": 80, "https": 443}
# what `requests` would leave as it is: no dot segments, no escapes that need none
_ESCAPED = (
    "%(?:[0189A-F][0-9A-F]|2[0-9A-CF]|3[A-F]|40|5[B-E]|60|7[B-DF])"  # of no unreserved character
)
_PLAIN = re.compile(
    r"(https?)://([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::([1-9][0-9]{0,4}))?"
    r"((?:/(?!\.)[A-Za-z0-9_~!$&'()*+,;=:@.-]*)*)"
    rf"(\?(?:[A-Za-z0-9_~!$&'()*+,;=:@/?.-]|{_ESCAPED})*)?"
)
_ON_THE_WIRE = re.compile(r"[!-~]*")


class Target(NamedTuple):
    """The parts of an encoded URL."""

    url: str
    """All of it, without name and password."""
    tls: bool
    host: str
    """Without the brackets of an IPv6 address."""
    port: int
    host_header: str
    path: str
    """With the query; begins with a slash."""
    auth: tuple[str, str] | None
    """Name and password in it."""

    @property
    def origin(self) -> tuple[bool, str, int]:
        """Scheme, host and port."""
        return self.tls, self.host, self.port


@dataclass(slots=True, eq=False)
class Endpoint:
    """A place that connections are kept to."""

    host: str
    port: int
    label: str
    """Host and port, for messages."""
    context: ssl.SSLContext | None
    """Of TLS; None without it."""
    idle: list[Any] = field(default_factory=list)
    """Connections that no request uses."""


def parse(url: str, params: Any = None) -> Target:
    """Encode a URL and take it apart.

    Args:
        url: Absolute.
        params: Added to its query, as `requests` takes them.

    Raises:
        InvalidURL: It has no host, or an odd port, or cannot be encoded.
        InvalidSchema: It is not of HTTP.
    """
    if params and not url.endswith("?"):
        encoded: Any = PreparedRequest._encode_params(params)
        text = encoded.decode() if isinstance(encoded, bytes) else str(encoded)
        plain = _PLAIN.fullmatch(f"{url}{'&' if '?' in url else '?'}{text}")
    else:
        plain = None if params else _PLAIN.fullmatch(url)
    if plain is None:
        return _parse_odd(url, params)
    scheme, host, port, path, query = plain.groups()
    number = int(port) if port else _PORTS[scheme]
    if number > 65535:
        raise InvalidURL(f"{url!r} has the port {port}; a port is at most 65535")
    query = "" if query in (None, "?") else query
    named = host if number == _PORTS[scheme] else f"{host}:{number}"
    path = path or "/"
    written = f"{host}:{port}" if port else host
    where = path + query
    return Target(
        f"{scheme}://{written}{where}", scheme == "https", host, number, named, where, None
    )


def _parse_odd(url: str, params: Any) -> Target:
    """With what `requests` itself makes of it."""
    scheme = url.lstrip().partition(":")[0].lower()
    if scheme not in _PORTS:
        raise InvalidSchema(f"{url!r} is no address of http:// or https://")
    prepared = PreparedRequest()
    prepared.prepare_url(url, params)
    parts = urlsplit(str(prepared.url))
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise InvalidURL(f"{url!r} is no URL: {error}") from error
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not host or not (_ON_THE_WIRE.fullmatch(path) and _ON_THE_WIRE.fullmatch(host)):
        raise InvalidURL(f"{url!r} has no host, or a path that cannot be encoded")
    number = _PORTS[scheme] if port is None else port
    shown = f"[{host}]" if ":" in host else host
    named = shown if number == _PORTS[scheme] else f"{shown}:{number}"
    auth = get_auth_from_url(str(prepared.url))
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return Target(bare, scheme == "https", host, number, named, path, auth if any(auth) else None)
