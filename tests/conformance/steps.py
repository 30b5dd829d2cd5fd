"""What a scripted server does on a connection, one step after another."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol


class Channel(Protocol):
    """A connection as the steps see it."""

    def read_request(self) -> bytes:
        """Read a whole request and return its body."""

    def read_head(self) -> bytes:
        """Read the head of a request and return it."""

    def read_some(self, size: int) -> None:
        """Read at least so many bytes."""

    def send(self, data: bytes) -> None:
        """Send, with the addresses of the servers in place of `{self}` and `{other}`."""

    def send_and_notify(self, data: bytes) -> None:
        """Send data and TLS's close_notify in one segment."""

    def half_close(self) -> None:
        """Send nothing more, and go on reading."""

    def close(self) -> None:
        """Close."""

    def reset(self) -> None:
        """End the connection with a reset."""


class Step(Protocol):
    """One thing that the server does."""

    def run(self, channel: Channel) -> None:
        """Do it."""


@dataclass(frozen=True)
class Read:
    """Read a whole request."""

    def run(self, channel: Channel) -> None:
        channel.read_request()


@dataclass(frozen=True)
class ReadHead:
    """Read the head of a request; its body later."""

    def run(self, channel: Channel) -> None:
        channel.read_head()


@dataclass(frozen=True)
class ReadSome:
    """Read so many bytes, and leave what follows."""

    size: int

    def run(self, channel: Channel) -> None:
        channel.read_some(self.size)


@dataclass(frozen=True)
class Send:
    """Send all at once."""

    data: bytes

    def run(self, channel: Channel) -> None:
        channel.send(self.data)


@dataclass(frozen=True)
class SendInPieces:
    """Send so many bytes at a time."""

    data: bytes
    size: int = 1
    gap_s: float = 0.001

    def run(self, channel: Channel) -> None:
        for begin in range(0, len(self.data), self.size):
            channel.send(self.data[begin : begin + self.size])
            time.sleep(self.gap_s)


@dataclass(frozen=True)
class SendAndNotify:
    """Send data and TLS's close_notify in one segment, then close."""

    data: bytes

    def run(self, channel: Channel) -> None:
        channel.send_and_notify(self.data)
        channel.close()


@dataclass(frozen=True)
class Echo:
    """Read a request and answer with its body."""

    def run(self, channel: Channel) -> None:
        body = channel.read_request()
        channel.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


@dataclass(frozen=True)
class Wait:
    """Do nothing for so long."""

    seconds: float

    def run(self, channel: Channel) -> None:
        time.sleep(self.seconds)


@dataclass(frozen=True)
class HalfClose:
    """Send nothing more."""

    def run(self, channel: Channel) -> None:
        channel.half_close()


@dataclass(frozen=True)
class Close:
    """Close."""

    def run(self, channel: Channel) -> None:
        channel.close()


@dataclass(frozen=True)
class Reset:
    """End with a reset."""

    def run(self, channel: Channel) -> None:
        channel.reset()


def message(*lines: str, body: bytes = b"") -> bytes:
    """A status line and headers as they are, and a body."""
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1") + body


def answer(body: bytes = b"ok", *headers: str, status: str = "200 OK") -> bytes:
    """An answer with its right length."""
    return message(f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", body=body)


def chunked(*lines: bytes, headers: tuple[str, ...] = ()) -> bytes:
    """A chunked answer whose body is these lines."""
    body = b"".join(line + b"\r\n" for line in lines)
    return message("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", *headers, body=body)
