"""Decodes bodies that were compressed because the request asked for it."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable
from typing import Any

from requests.exceptions import ContentDecodingError

MAX_SIZE = 256 * 1024 * 1024  # bytes of a decoded body
_PART = 1024 * 1024  # decoded at a time


def decode(body: bytes, codings: list[str], accepted: str) -> bytes:
    """The body as it was before it was coded.

    What the request did not ask for, and what is not known, is left as it is.

    Args:
        body: As it came.
        codings: Of its Content-Encoding, in the order in which they were applied.
        accepted: The request's Accept-Encoding, in lower case.

    Raises:
        ContentDecodingError: It is damaged, ends early, or is larger than `MAX_SIZE`.
    """
    for coding in reversed(codings):
        decoder = _DECODERS.get(coding)
        if decoder is None or not body or not _asked_for(coding, accepted):
            return body
        try:
            body = decoder(body)
        except _Overflow:
            raise ContentDecodingError(
                f"the {coding} body is larger than {MAX_SIZE // 1024**2} MiB when it is decoded"
            ) from None
        except (zlib.error, _Damaged) as error:
            raise ContentDecodingError(f"the {coding} body cannot be decoded: {error}") from error
    return body


class _Overflow(Exception):
    """It becomes too large."""


class _Damaged(Exception):
    """It is not what it says."""


def _asked_for(coding: str, accepted: str) -> bool:
    for item in accepted.split(","):
        name, _, weight = item.partition(";")
        if name.strip() in (coding.removeprefix("x-"), coding, "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _gunzip(body: bytes) -> bytes:
    parts: list[bytes] = []
    size = 0
    while body:
        engine = zlib.decompressobj(16 + zlib.MAX_WBITS)
        part = _inflated(engine, body, MAX_SIZE - size)
        parts.append(part)
        size += len(part)
        body = engine.unused_data
        if body[:2] != b"\x1f\x8b":  # another member may follow; padding is no error
            break
    return b"".join(parts)


def _inflate(body: bytes) -> bytes:
    """As `deflate` is meant, or without its frame, as some servers write it."""
    try:
        return _inflated(zlib.decompressobj(), body, MAX_SIZE)
    except zlib.error:
        return _inflated(zlib.decompressobj(-zlib.MAX_WBITS), body, MAX_SIZE)


def _inflated(engine: Any, body: bytes, limit: int) -> bytes:
    decoded = engine.decompress(body, limit + 1)
    if len(decoded) > limit:
        raise _Overflow
    if not engine.eof:
        raise _Damaged("it ends early")
    return bytes(decoded)


def _brotli() -> Callable[[bytes], bytes] | None:
    """A decoder, if the library is there."""
    try:
        library: Any = importlib.import_module("brotli")
    except ImportError:
        return None

    def decode_brotli(body: bytes) -> bytes:
        engine = library.Decompressor()
        parts: list[bytes] = []
        size, data = 0, body
        try:
            while not engine.is_finished():
                part = engine.process(data, output_buffer_limit=_PART)
                data = b""
                if not part and engine.can_accept_more_data():
                    raise _Damaged("it ends early")
                parts.append(part)
                size += len(part)
                if size > MAX_SIZE:
                    raise _Overflow
        except library.error as error:
            raise _Damaged(str(error)) from error
        return b"".join(parts)

    return decode_brotli


_DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _inflate,
}
if (_unbrotli := _brotli()) is not None:
    _DECODERS["br"] = _unbrotli
