"""Connections on which a server does what a script says; plain, and with TLS."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct

from tests.conformance.case import Script

_LIMIT_S = 10.0  # for a peer that neither sends nor closes
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
_KEPT = 200_000  # bytes of what a connection received


class Ended(Exception):
    """The peer has closed or reset the connection."""


class Connection:
    """One connection; a `Channel` of the steps."""

    def __init__(self, peer: socket.socket, addresses: dict[bytes, bytes]) -> None:
        self._peer, self._addresses, self._pending = peer, addresses, b""
        self.received = bytearray()
        self.requests = 0
        self.end = ""
        peer.settimeout(_LIMIT_S)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def play(self, script: Script) -> None:
        """Carry out the script; then read on, so that requests beyond it are counted."""
        try:
            for step in script:
                step.run(self)
            while self._peer.fileno() >= 0:
                self.read_request()
        except (Ended, OSError) as error:
            self.end = self.end or f"{type(error).__name__}: {error}"
        finally:
            self._peer.close()

    def read_head(self) -> bytes:
        """Read up to the empty line."""
        while b"\r\n\r\n" not in self._pending:
            self._fill()
        head, _, self._pending = self._pending.partition(b"\r\n\r\n")
        self.requests += 1
        return head

    def read_request(self) -> bytes:
        """Read a head, and a body of its Content-Length."""
        found = _LENGTH.search(self.read_head())
        size = int(found[1]) if found else 0
        parts, have = [self._pending], len(self._pending)
        while have < size:
            self._pending = b""
            self._fill()
            parts.append(self._pending)
            have += len(self._pending)
        rest = b"".join(parts)
        self._pending = rest[size:]
        return rest[:size]

    def read_some(self, size: int) -> None:
        """Read at least so many bytes; they are no whole request."""
        while len(self._pending) < size:
            self._fill()
        self._pending = b""

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self._send(self._filled_in(data))

    def send_and_notify(self, data: bytes) -> None:
        """Only TLS has a close_notify."""
        raise NotImplementedError

    def half_close(self) -> None:
        """Close for writing."""
        self._peer.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close; without a reset, although the peer may have sent more."""
        self._peer.close()
        self.end = "closed"

    def reset(self) -> None:
        """Close with a reset."""
        self._peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._peer.close()
        self.end = "reset"

    def _filled_in(self, data: bytes) -> bytes:
        for name, address in self._addresses.items():
            data = data.replace(name, address)
        return data

    def _send(self, data: bytes) -> None:
        self._peer.sendall(data)

    def _receive(self) -> bytes:
        return self._peer.recv(1 << 16)

    def _fill(self) -> None:
        data = self._receive()
        if not data:
            raise Ended("by the peer")
        if len(self.received) < _KEPT:
            self.received += data
        self._pending += data


class TlsConnection(Connection):
    """TLS over memory, so that what goes into one segment is the script's choice."""

    def __init__(
        self, peer: socket.socket, addresses: dict[bytes, bytes], context: ssl.SSLContext
    ) -> None:
        super().__init__(peer, addresses)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)
        self._handshaken = False

    def play(self, script: Script) -> None:
        """Shake hands first."""
        try:
            while not self._handshaken:
                try:
                    self._tls.do_handshake()
                    self._handshaken = True
                except ssl.SSLWantReadError:
                    self._flush()
                    self._in.write(self._raw())
            self._flush()
        except (Ended, OSError) as error:
            self.end = f"handshake: {error}"
            self._peer.close()
            return
        super().play(script)

    def send_and_notify(self, data: bytes) -> None:
        """Both in one `send`."""
        if data:
            self._tls.write(self._filled_in(data))
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        self._flush()

    def _send(self, data: bytes) -> None:
        self._tls.write(data)
        self._flush()

    def _receive(self) -> bytes:
        while True:
            try:
                return self._tls.read(1 << 16)
            except ssl.SSLWantReadError:
                self._in.write(self._raw())
            except ssl.SSLZeroReturnError:
                return b""

    def _raw(self) -> bytes:
        data = self._peer.recv(1 << 16)
        if not data:
            raise Ended("by the peer")
        return data

    def _flush(self) -> None:
        if data := self._out.read():
            self._peer.sendall(data)
