"""Servers whose every byte is written by a check, and a session that records its reports."""

from __future__ import annotations

import socket  # patched: the checks import Locust first
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gevent.server import StreamServer

from lab.driver.client import LeanHttpSession

Answer = Callable[[Any, int], None]
"""Gets a connection and its number, from 0."""


class Events:
    """Stands for Locust's event `request`."""

    def __init__(self) -> None:
        self.fired: list[dict[str, Any]] = []

    def fire(self, **request: Any) -> None:
        self.fired.append(request)

    @property
    def last(self) -> dict[str, Any]:
        return self.fired[-1]


class Server:
    """What a server saw."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.port = port
        self.url = f"http://{host}:{port}"
        self.requests: list[bytes] = []
        self.connections = 0


def read_request(connection: Any) -> bytes:
    """A whole request; empty if the client has closed the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            part = connection.recv(65536)
        except OSError:
            return b""
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def answering(*answers: bytes, host: str = "127.0.0.1", closes: bool = False) -> Iterator[Server]:
    """Gives these answers in turn to whatever is asked; the last one again and again."""
    left = list(answers)

    def answer(connection: Any, _: int) -> None:
        while request := read_request(connection):
            server.requests.append(request)
            connection.sendall(left.pop(0) if len(left) > 1 else left[0])
            if closes:
                return

    with serving(answer, host) as server:
        yield server


@contextmanager
def serving(answer: Answer, host: str = "127.0.0.1") -> Iterator[Server]:
    """A server that has a function for each connection, which is closed when that returns."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.bind((host, 0))
    listener.listen(64)
    shown = f"[{host}]" if ":" in host else host
    server = Server(listener.getsockname()[1], shown)

    def handle(connection: Any, _: Any) -> None:
        number, server.connections = server.connections, server.connections + 1
        answer(connection, number)

    running = StreamServer(listener, handle)
    running.start()
    try:
        yield server
    finally:
        running.stop(timeout=0)


@contextmanager
def session_of(url: str, **options: Any) -> Iterator[tuple[LeanHttpSession, Events]]:
    """A session for this address, with what it reports."""
    events = Events()
    session = LeanHttpSession(url, events, **options)
    try:
        yield session, events
    finally:
        session.close()


@contextmanager
def asking(*answers: bytes, **options: Any) -> Iterator[tuple[Server, LeanHttpSession, Events]]:
    """A server that gives these answers, and a session for it."""
    with answering(*answers) as server, session_of(server.url, **options) as (session, events):
        yield server, session, events


def ok(body: bytes = b"fine", *lines: str) -> bytes:
    """A usual answer."""
    head = "".join(f"{line}\r\n" for line in lines)
    return b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (head.encode(), len(body), body)


def status(code: int, *lines: str, body: bytes = b"") -> bytes:
    """An answer with another status."""
    return ok(body, *lines).replace(b"200 OK", f"{code} Because".encode(), 1)


def reset(connection: Any) -> None:
    """Close a connection by a reset."""
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    connection.close()
