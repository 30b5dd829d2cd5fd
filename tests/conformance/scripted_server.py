"""Servers that do what a case's script says: `python -m tests.conformance.scripted_server FOLDER`.

Real threads and blocking sockets, in a process of their own, because Locust patches both. The first
line of output is the ports of every case; at the end of standard input a second line is what
every connection received. FOLDER holds certificates, if there are any.
"""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.conformance.all_cases import CASES
from tests.conformance.case import Case, Script
from tests.conformance.connection import Connection, TlsConnection


class Listener:
    """The server of a case: the n-th connection plays the n-th script."""

    def __init__(self, host: str, scripts: Sequence[Script], tls: ssl.SSLContext | None) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listening = socket.create_server((host, 0), family=family)
        self._scripts, self._tls = scripts, tls
        self.port = int(self._listening.getsockname()[1])
        shown = f"[{host}]" if ":" in host else host
        self.address = f"{'https' if tls else 'http'}://{shown}:{self.port}".encode()
        self.connections: list[Connection] = []

    def serve(self, addresses: dict[bytes, bytes]) -> None:
        """Accept in a thread; every connection has a thread of its own."""
        threading.Thread(target=self._accept, args=(addresses,), daemon=True).start()

    def _accept(self, addresses: dict[bytes, bytes]) -> None:
        while True:
            peer, _ = self._listening.accept()
            if self._tls is None:
                connection = Connection(peer, addresses)
            else:
                connection = TlsConnection(peer, addresses, self._tls)
            number = len(self.connections)
            self.connections.append(connection)
            script = self._scripts[number] if number < len(self._scripts) else ()
            threading.Thread(target=connection.play, args=(script,), daemon=True).start()

    def log(self) -> list[dict[str, Any]]:
        """What every connection received."""
        return [
            {
                "received": connection.received.decode("latin-1"),
                "requests": connection.requests,
                "end": connection.end,
            }
            for connection in self.connections
        ]


def _context(case: Case, folder: Path) -> ssl.SSLContext | None:
    if case.tls is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{case.tls}.pem", folder / f"{case.tls}.key")
    return context


def main(folder: Path) -> None:
    """Serve all cases until standard input ends."""
    listeners: dict[str, tuple[Listener, Listener]] = {}
    for case in CASES:
        if case.tls is not None and not (folder / f"{case.tls}.pem").is_file():
            continue
        first = Listener(case.host, case.script, _context(case, folder))
        other = Listener("127.0.0.1", case.other, None)
        addresses = {b"{self}": first.address, b"{other}": other.address}
        first.serve(addresses)
        other.serve(addresses)
        listeners[case.name] = first, other
    ports = {name: [first.port, other.port] for name, (first, other) in listeners.items()}
    print(json.dumps(ports), flush=True)
    sys.stdin.read()
    logs = {name: [first.log(), other.log()] for name, (first, other) in listeners.items()}
    print(json.dumps(logs), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
