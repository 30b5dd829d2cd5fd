"""A Locust user that knows the answer beforehand: it does less than any client that speaks HTTP.

A request is one `send`, a switch to gevent's event loop, one `recv` and Locust's event. Of the
answer only the status is looked at. For servers that keep connections open and answer in one piece.
"""

from __future__ import annotations

import socket
from time import perf_counter, time
from typing import Any
from urllib.parse import urlsplit

from gevent import get_hub, getcurrent
from gevent.monkey import get_original
from locust import User

_RECEIVE, _READ = 8 * 1024, 1  # bytes; libev's event
_socket = get_original("socket", "socket")


class BareClient:
    """Sends the same request again and again over one connection."""

    def __init__(self, host: str, event: Any) -> None:
        parts = urlsplit(host)
        self._address = parts.hostname, parts.port
        self._request = f"GET / HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
        self._event, self._url = event, f"{host}/"
        self._send: Any = None
        self._greenlet: Any = None

    def connect(self) -> None:
        """Open the connection."""
        self._hub, connection = get_hub(), _socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.connect(self._address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        self._connection, self._receive = connection, connection.recv
        self._send = connection.send
        self._watcher = self._hub.loop.io(connection.fileno(), _READ)
        self._watcher.start(self._readable)

    def close(self) -> None:
        """Close it."""
        if self._send is not None:
            self._watcher.stop()
            self._watcher.close()
            self._connection.close()

    def get(self, path: str) -> None:
        """Ask for `/`, whatever the path."""
        if self._send is None:
            self.connect()
        started, begun = time(), perf_counter()
        self._greenlet = getcurrent()
        self._send(self._request)
        self._hub.switch()
        self._event.fire(
            request_type="GET",
            name=path,
            response_time=1000 * (perf_counter() - begun),
            response_length=2,
            response=self,
            context={},
            exception=None,
            start_time=started,
            url=self._url,
        )

    def _readable(self) -> None:
        answer = self._receive(_RECEIVE)
        if answer[9:10] != b"2":
            raise ConnectionError(f"an answer begins with {answer[:40]!r}")
        self._greenlet.switch()


class BareUser(User):
    """Users with this client."""

    abstract = True

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.client = BareClient(str(self.host), environment.events.request)

    def on_stop(self) -> None:
        """Close the connection."""
        self.client.close()
