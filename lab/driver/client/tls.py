"""TLS on a connection: the engine of `ssl` works on memory, and the connection moves the bytes."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import certifi

from lab.driver.client.connection import Connection
from lab.driver.client.deadlines import DeadlineSweep
from lab.driver.client.errors import TlsError

_RECEIVE = 16 * 1024  # bytes at a time: a record

Wait = Callable[[bool], None]
"""Waits until the socket can be written to (True) or read from (False)."""


@lru_cache
def context_for(verify: bool | str) -> ssl.SSLContext:
    """The TLS context of a process.

    Args:
        verify: Whether certificates and names are checked, or a file or folder of the authorities
            that are trusted.
    """
    if isinstance(verify, str):
        is_folder = Path(verify).is_dir()
        context = ssl.create_default_context(
            cafile=None if is_folder else verify, capath=verify if is_folder else None
        )
    else:
        context = ssl.create_default_context(cafile=certifi.where())
    if verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


class TlsLayer:
    """The TLS of one connection."""

    __slots__ = ("_engine", "_incoming", "_outgoing", "ended")

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        """Nothing is sent yet.

        Args:
            context: What is trusted.
            host: Its certificate must name this name or address, unless the context says otherwise.
        """
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._engine = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self.ended = False
        """Whether the other side has said that nothing more comes (`close_notify`)."""

    def handshake(self, socket: Any, wait: Wait) -> None:
        """Come to terms with the other side.

        Raises:
            TlsError: It is not trusted, or does not speak TLS.
            OSError: Of the connection.
        """
        while True:
            try:
                self._engine.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                done = False
            except ssl.SSLError as error:
                with_alert = self._outgoing.read()
                if with_alert:
                    _try_to_send(socket, with_alert)
                raise TlsError(f"the TLS handshake failed: {_reason(error)}") from error
            _send_all(socket, self._outgoing.read(), wait)
            if done:
                return
            wait(False)
            try:
                data = socket.recv(_RECEIVE)
            except BlockingIOError:
                continue
            if not data:
                raise TlsError("the connection was closed in the middle of the TLS handshake")
            self._incoming.write(data)

    def encrypt(self, data: bytes) -> bytes:
        """The records of this data, with what else is to be sent."""
        self._engine.write(data)
        return self._outgoing.read()

    def decrypt(self, records: bytes) -> bytes:
        """The data in these records, as far as they are complete; sets `ended`.

        Raises:
            ssl.SSLError: They are damaged.
        """
        self._incoming.write(records)
        parts = []
        try:
            while part := self._engine.read(_RECEIVE):
                parts.append(part)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        return b"".join(parts)

    def pending(self) -> bytes:
        """What TLS itself has to send, as the answer to a change of keys."""
        return self._outgoing.read()


class TlsConnection(Connection):
    """A connection with TLS. One that ends without `close_notify` was cut off."""

    __slots__ = ("_layer",)

    def __init__(self, hub: Any, socket: Any, sweep: DeadlineSweep, layer: TlsLayer) -> None:
        """As any connection, after the handshake."""
        self._layer = layer
        super().__init__(hub, socket, sweep)
        self._encode = layer.encrypt

    def is_usable(self) -> bool:
        """As of any connection; what TLS itself has to say, as session tickets, is no answer."""
        while self._watcher is not None and self._poll(0):
            self._readable()  # closes it, unless it was TLS alone
        return self._watcher is not None

    def _readable(self) -> None:
        try:
            records = self._receive(_RECEIVE)
            data = self._layer.decrypt(records) if records else b""
        except BlockingIOError:
            return
        except ssl.SSLError as error:
            self._fail(TlsError(f"the TLS connection failed: {_reason(error)}"))
            return
        except OSError:
            self._fail(self.reader.cut_off("reset"))
            return
        self._answer_tls()
        self._ended = self._layer.ended
        if not records and not self._ended:
            self._fail(self.reader.cut_off("closed without close_notify of TLS"))
        elif self._greenlet is None:
            if data or self._ended:
                self.close()
        else:
            if data:
                self._take(data)
            if self._ended and self._greenlet is not None:  # it is not complete yet
                self._take(b"")

    def _answer_tls(self) -> None:
        """Send what TLS itself has to say, behind what is left of the request."""
        if reply := self._layer.pending():
            self._send_later(reply)


def _send_all(socket: Any, data: bytes, wait: Wait) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[socket.send(rest) :]
        except BlockingIOError:
            wait(True)


def _try_to_send(socket: Any, data: bytes) -> None:
    """Send a few bytes that are no part of a request; the error, if any, shows when it is read."""
    try:
        socket.send(data)
    except OSError:
        return


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    return str(error.reason or error.strerror or error).replace("_", " ").lower()
