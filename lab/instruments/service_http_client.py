"""Small GET requests to a service on this machine, over one connection that is kept open."""

from __future__ import annotations

import http.client
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from lab.errors import MeasurementError
from lab.network_guard import is_loopback

MAX_REDIRECTS = 5
MAX_BYTES = 64_000_000  # of a body, decompressed
_GZIP = b"\x1f\x8b"  # what a compressed body begins with
_PIECE = 1 << 16
_REDIRECTS = (301, 302, 303, 307, 308)


class HttpError(MeasurementError):
    """The service could not be reached, or its answer is not the one expected."""


@dataclass(frozen=True)
class Answer:
    """What a service answered to a GET request; its body decompressed."""

    status: int
    body: bytes
    content_type: str = ""


class HttpClient:
    """GET requests to one base URL. Threads must not share it.

    The timeout is that of a whole answer, however slowly it comes.
    """

    def __init__(self, base_url: str, timeout_s: float = 15.0) -> None:
        parts = urlsplit(base_url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._timeout_s = timeout_s
        self._connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)

    def get(
        self, path: str, headers: Mapping[str, str] | None = None, *, follow: bool = True
    ) -> Answer:
        """The answer; redirects within the service are followed, unless `follow` is False.

        Raises:
            HttpError: If there is none in time, if it redirects elsewhere, or is unreadable.
        """
        wanted, deadline = path, time.monotonic() + self._timeout_s
        for _ in range(MAX_REDIRECTS + 1):
            response, body = self._request(path, headers or {}, deadline)
            to = response.getheader("Location") if response.status in _REDIRECTS else None
            if not follow or not to:
                return Answer(
                    response.status,
                    _decompressed(wanted, body, response.getheader("Content-Encoding", "")),
                    response.getheader("Content-Type", ""),
                )
            path = self._redirected(wanted, path, to)
        raise HttpError(f"GET {wanted}: more than {MAX_REDIRECTS} redirects")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _request(
        self, path: str, headers: Mapping[str, str], deadline: float
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """One request, with one retry: an idle connection may have been closed."""
        for last in (False, True):
            try:
                self._wait_until(deadline)
                self._connection.request("GET", path, headers=dict(headers))
                response = self._connection.getresponse()
                return response, self._read(response, deadline)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                if last or isinstance(error, TimeoutError):
                    raise HttpError(f"GET {path}: {error or type(error).__name__}") from error
        raise AssertionError

    def _read(self, response: http.client.HTTPResponse, deadline: float) -> bytes:
        pieces, size = [], 0
        while piece := response.read1(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > MAX_BYTES:
                raise http.client.HTTPException(f"an answer of more than {MAX_BYTES / 1e6:g} MB")
            self._wait_until(deadline)
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        response.close()  # the connection stays open
        return b"".join(pieces)

    def _wait_until(self, deadline: float) -> None:
        """Bound the next wait for bytes; TimeoutError if there is no time left."""
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError(f"no whole answer within {self._timeout_s:g} s")
        self._connection.timeout = left_s
        if self._connection.sock is not None:
            self._connection.sock.settimeout(left_s)

    def _redirected(self, wanted: str, path: str, location: str) -> str:
        """The path that a redirect leads to; HttpError if it is another service's."""
        here = f"http://{_bracketed(self._host)}:{self._port}{path}"
        there = urlsplit(urljoin(here, location))
        same = there.scheme == "http" and (there.port or 80) == self._port
        if not same or not _same_host(there.hostname or "", self._host):
            raise HttpError(
                f"GET {wanted}: redirects to {there.scheme}://{there.netloc}{there.path}, "
                "which is not the service"
            )
        return f"{there.path or '/'}?{there.query}" if there.query else there.path or "/"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _same_host(a: str, b: str) -> bool:
    return a.lower() == b.lower() or (is_loopback(a) and is_loopback(b))


def _decompressed(path: str, body: bytes, encoding: str) -> bytes:
    """The body as it was; one that is compressed without saying so is recognised as well."""
    encoding = encoding.strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise HttpError(f"GET {path}: the answer is compressed by {encoding}, not by gzip")
    if not body.startswith(_GZIP):
        return body
    reader = zlib.decompressobj(wbits=31)
    try:
        whole = reader.decompress(body, MAX_BYTES)
    except zlib.error as error:
        raise HttpError(f"GET {path}: the answer is no gzip ({error})") from error
    if reader.unconsumed_tail or not reader.eof:
        raise HttpError(f"GET {path}: the compressed answer is cut off, or too large")
    return whole
