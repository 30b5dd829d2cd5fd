"""A request as it is sent: its bytes, and where they go."""

from __future__ import annotations

from typing import NamedTuple

from lab.driver.client.body import Body
from lab.driver.client.head import Headers
from lab.driver.client.header_lines import Lines
from lab.driver.client.target import Endpoint, Target

_END = b"\r\n\r\n"


class SentRequest:
    """A request that is ready to be sent, any number of times.

    Attributes:
        data: All of its bytes.
        endpoint: Where they go.
        target: The parts of its URL.
        method: In upper case.
        url: Without name and password.
        path_url: Path and query.
        head_alone: Whether its answer has no body.
    """

    __slots__ = ("data", "endpoint", "head_alone", "method", "path_url", "target", "url")

    def __init__(self, method: str, target: Target, endpoint: Endpoint, data: bytes) -> None:
        self.method, self.target, self.endpoint, self.data = method, target, endpoint, data
        self.url, self.path_url = target.url, target.path
        self.head_alone = method == "HEAD"

    @property
    def headers(self) -> Headers:
        """As they are sent."""
        return Headers(self.data.partition(_END)[0])

    @property
    def body(self) -> bytes | None:
        """As it is sent; None if there is none."""
        return self.data.partition(_END)[2] or None

    def __repr__(self) -> str:
        """As `requests` has it."""
        return f"<Request [{self.method}]>"


class Beginning(NamedTuple):
    """A request without the length of its body, and without the body."""

    method: str
    target: Target
    endpoint: Endpoint
    data: bytes


def head_of(method: str, target: Target, lines: Lines) -> bytes:
    """The bytes of such a beginning: request line, host, and the other lines."""
    first = f"{method} {target.path} HTTP/1.1".encode()
    host = lines.pop(b"host", None) or f"Host: {target.host_header}".encode()
    return b"\r\n".join((first, host, *lines.values()))


def finish(beginning: Beginning, body: Body | None) -> SentRequest:
    """The whole request. Without a body, methods that usually have one say that it is empty."""
    method, target, endpoint, data = beginning
    if body is not None:
        data = b"%b\r\nContent-Length: %d\r\n\r\n%b" % (data, len(body.data), body.data)
    elif method in ("GET", "HEAD"):
        data += _END
    else:
        data += b"\r\nContent-Length: 0\r\n\r\n"
    return SentRequest(method, target, endpoint, data)


def lines_of_head(data: bytes) -> Lines:
    """The lines of a request that was sent."""
    lines = data.partition(_END)[0].split(b"\r\n")[1:]
    return {line.partition(b":")[0].lower(): line for line in lines}
