"""A server in a process of its own: what it does needs no turn of the client's event loop."""

from __future__ import annotations

import os
import subprocess
import sys
from types import TracebackType
from typing import Self

_CODE = """
import socket, sys
closes_after = int(sys.argv[1])
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    print("connected", flush=True)
    for _ in range(closes_after):
        while b"\\r\\n\\r\\n" not in connection.recv(65536):
            pass
        connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    connection.close()
    print("closed", flush=True)
"""


class RawPeer:
    """Answers some requests on each connection, and closes it."""

    def __init__(self, closes_after: int) -> None:
        self._said, write = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CODE, str(closes_after)], stdout=write
        )
        os.close(write)
        self.connections = 0
        self.url = f"http://127.0.0.1:{self._line()}"

    def wait_until_closed(self) -> None:
        """Wait for the end of a connection."""
        while (line := self._line()) != "closed":
            assert line == "connected"
            self.connections += 1

    def _line(self) -> str:
        line = b""
        while not line.endswith(b"\n"):  # not by gevent: no other greenlet is to run
            line += os.read(self._said, 1)
        return line.decode().strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._said)
