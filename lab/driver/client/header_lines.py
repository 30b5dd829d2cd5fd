"""The header fields of requests: checked, merged by name, and written as lines."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from requests.auth import HTTPBasicAuth
from requests.exceptions import InvalidHeader
from requests.structures import CaseInsensitiveDict

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BROKEN = re.compile(rb"[\r\n\0]")
_REFUSED = {
    b"transfer-encoding": "the body has a Content-Length; leave it out",
    b"upgrade": "only HTTP/1.1 is spoken; leave it out",
}

Lines = dict[bytes, bytes]
"""By their names in lower case: lines with name and value, without line ends."""


class WatchedHeaders(CaseInsensitiveDict[Any]):
    """The header fields of a session; calls a function after each change."""

    def __init__(
        self,
        changed: Callable[[], None] = lambda: None,
        fields: Mapping[Any, Any] | Iterable[tuple[Any, Any]] = (),
    ) -> None:
        self._changed = lambda: None
        super().__init__(fields)
        self._changed = changed

    def __setitem__(self, name: Any, value: Any) -> None:
        super().__setitem__(name, value)
        self._changed()

    def __delitem__(self, name: Any) -> None:
        super().__delitem__(name)
        self._changed()


def lines_of(*mappings: Mapping[Any, Any] | None) -> Lines:
    """The lines of several mappings; later ones win, and a value of None removes a field.

    Raises:
        InvalidHeader: A name or value cannot be sent as it is.
    """
    lines: Lines = {}
    for mapping in mappings:
        for name, value in (mapping or {}).items():
            as_bytes = _as_bytes(name, "name")
            key = as_bytes.lower()
            if value is None:
                lines.pop(key, None)
                continue
            lines[key] = _line(as_bytes, value)
    return lines


def add_line(lines: Lines, name: str, value: str) -> None:
    """Set a field.

    Raises:
        InvalidHeader: Its value cannot be sent as it is.
    """
    key = name.encode()
    lines[key.lower()] = _line(key, value)


def authorization(auth: Any) -> str:
    """The value of `Authorization` for a name and a password.

    Raises:
        TypeError: It is neither a pair nor a `requests.auth.HTTPBasicAuth`.
    """
    if type(auth) is HTTPBasicAuth:
        auth = (auth.username, auth.password)
    if not isinstance(auth, tuple | list) or len(auth) != 2:
        raise TypeError(
            f"auth= is a {type(auth).__name__}: pass a (name, password) pair, or the header "
            "Authorization in headers="
        )
    encoded = b":".join(_credential(each) for each in auth)
    return f"Basic {b64encode(encoded).decode()}"


def _credential(text: Any) -> bytes:
    if isinstance(text, bytes):
        return text
    try:
        return str(text).encode("latin-1")
    except UnicodeEncodeError:
        return str(text).encode()


def _line(name: bytes, value: Any) -> bytes:
    shown = name.decode("latin-1")
    if not _NAME.fullmatch(name):
        raise InvalidHeader(f"{shown!r} is no name of a header: letters, digits and - are right")
    if (why := _REFUSED.get(name.lower())) is not None:
        raise InvalidHeader(f"the header {shown} cannot be set: {why}")
    text = _as_bytes(value, f"value of {shown}")
    if _BROKEN.search(text):
        raise InvalidHeader(
            f"the value of the header {shown} has a line end or a NUL: {value!r}. Remove it"
        )
    return name + b": " + text.strip(b" \t")


def _as_bytes(text: Any, what: str) -> bytes:
    if isinstance(text, bytes):
        return text
    if not isinstance(text, str):
        raise InvalidHeader(
            f"the {what} of a header is {text!r}, a {type(text).__name__}: text is right"
        )
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise InvalidHeader(
            f"the {what} of a header is {text!r}, which is not Latin-1: encode it, and pass bytes"
        ) from None
