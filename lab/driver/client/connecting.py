"""Opens connections: names are resolved, addresses tried one after the other, TLS agreed upon."""

from __future__ import annotations

import _socket
import errno
import os
import socket as names  # patched by Locust: it asks in a thread
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import gevent
from gevent import get_hub
from requests.exceptions import ConnectTimeout, RequestException

from lab.driver.client.connection import Connection
from lab.driver.client.deadlines import sweep_of
from lab.driver.client.errors import NotConnectedError
from lab.driver.client.target import Endpoint
from lab.driver.client.tls import TlsConnection, TlsLayer

_READ, _WRITE = 1, 2  # of libev
_UNDER_WAY = (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EALREADY)

Address = tuple[int, Any]  # its family, and as `connect` takes it


def open_connection(endpoint: Endpoint, deadline: float) -> Connection:
    """A new connection, over which nothing was sent.

    Args:
        endpoint: Where to.
        deadline: For all of it, in seconds of `perf_counter`.

    Raises:
        NotConnectedError: Nobody accepts it.
        TlsError: The TLS handshake failed.
        ConnectTimeout: The deadline has passed.
    """
    failure = NotConnectedError(f"{endpoint.host} has no address")
    for address in _resolve(endpoint, deadline):
        try:
            socket = _connect(address, endpoint, deadline)
        except NotConnectedError as error:
            failure = error
            continue
        return _take_over(socket, endpoint, deadline)
    raise failure


def _take_over(socket: Any, endpoint: Endpoint, deadline: float) -> Connection:
    hub = get_hub()
    try:
        if endpoint.context is None:
            connection = Connection(hub, socket, sweep_of(hub))
        else:
            layer = _agree(socket, endpoint, deadline)
            connection = TlsConnection(hub, socket, sweep_of(hub), layer)
    except BaseException:
        socket.close()
        raise
    if not connection.is_usable():
        connection.close()
        raise NotConnectedError(f"{endpoint.label} closed the connection, or spoke first")
    return connection


def _resolve(endpoint: Endpoint, deadline: float) -> list[Address]:
    """All addresses of a host, in the order of the system."""
    kind = names.SOCK_STREAM
    found: Sequence[Any]
    try:  # an address as text needs no thread that asks
        flags = names.AI_NUMERICHOST
        found = _socket.getaddrinfo(endpoint.host, endpoint.port, 0, kind, 0, flags)
    except OSError:
        try:
            with _limit(endpoint, deadline):
                found = names.getaddrinfo(endpoint.host, endpoint.port, 0, kind)
        except (OSError, UnicodeError) as error:
            if isinstance(error, RequestException):
                raise
            raise NotConnectedError(f"{endpoint.host} cannot be resolved: {error}") from error
    return [(int(family), address) for family, _, _, _, address in found]


def _connect(address: Address, endpoint: Endpoint, deadline: float) -> Any:
    family, place = address
    socket = None
    try:
        socket = _socket.socket(family, names.SOCK_STREAM)
        socket.setblocking(False)
        socket.setsockopt(names.IPPROTO_TCP, names.TCP_NODELAY, 1)
        try:
            socket.connect(place)
        except BlockingIOError:
            _wait(socket, _WRITE, endpoint, deadline)
            if code := socket.getsockopt(names.SOL_SOCKET, names.SO_ERROR):
                raise OSError(code, os.strerror(code)) from None
    except BaseException as error:
        if socket is not None:
            socket.close()
        if isinstance(error, RequestException) or not isinstance(error, OSError):
            raise
        reason = str(error.strerror or error).lower()
        raise NotConnectedError(f"no connection to {endpoint.label}: {reason}") from error
    return socket


def _agree(socket: Any, endpoint: Endpoint, deadline: float) -> TlsLayer:
    assert endpoint.context is not None
    layer = TlsLayer(endpoint.context, endpoint.host)

    def wait(writable: bool) -> None:
        _wait(socket, _WRITE if writable else _READ, endpoint, deadline)

    try:
        layer.handshake(socket, wait)
    except OSError as error:
        if isinstance(error, RequestException):  # it is an error of the system as well
            raise
        reason = str(error.strerror or error).lower()
        raise NotConnectedError(
            f"no TLS connection to {endpoint.label}: {reason} in its handshake"
        ) from error
    if layer.decrypt(b"") or layer.ended:
        raise NotConnectedError(f"{endpoint.label} closed the connection, or spoke first")
    return layer


def _wait(socket: Any, events: int, endpoint: Endpoint, deadline: float) -> None:
    """Let others run until the socket is ready."""
    hub = get_hub()
    watcher = hub.loop.io(socket.fileno(), events)
    try:
        with _limit(endpoint, deadline):
            hub.wait(watcher)
    finally:
        watcher.close()


def _limit(endpoint: Endpoint, deadline: float) -> gevent.Timeout:
    """Raises within its block if the deadline passes."""
    left_s = max(0.0, deadline - perf_counter())
    return gevent.Timeout(left_s, ConnectTimeout(f"no connection to {endpoint.label} in time"))
