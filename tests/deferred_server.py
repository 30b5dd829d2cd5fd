"""A service that does a part of each request's work when it has answered, a while later.

`python -m tests.deferred_server SOCKET WORK_MS DEFERRED_MS DELAY_MS`, where SOCKET is the number of
a listening socket that the process inherits. Both parts are processor time: loaded all the time, it
serves 1 / (WORK_MS + DEFERRED_MS) requests per second of its processor.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import time
from collections.abc import Mapping

from tests.queue_server import QueueTarget


class DeferredTarget(QueueTarget):
    """Such a service for each arm, in a process of its own."""

    def command(self, number: int, given: Mapping[str, str]) -> tuple[str, ...]:
        """The module that serves on a socket, and its arguments."""
        parts = (given[name] for name in ("WORK_MS", "DEFERRED_MS", "DELAY_MS"))
        return ("tests.deferred_server", str(number), *parts)


class Server:
    """One thread that does everything."""

    def __init__(self, work_s: float, deferred_s: float, delay_s: float) -> None:
        self._work_s, self._deferred_s, self._delay_s = work_s, deferred_s, delay_s

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection to its end. Only the root has work; the rest is not found."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                status = b"404 Not Found"
                if head.startswith(b"GET / "):
                    status = b"200 OK"
                    _use(self._work_s)
                    if self._deferred_s:
                        loop = asyncio.get_running_loop()
                        loop.call_later(self._delay_s, _use, self._deferred_s)
                writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\nok")
        writer.close()


def _use(seconds: float) -> None:
    """Use so much processor time."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


async def _main(number: int, work_ms: float, deferred_ms: float, delay_ms: float) -> None:
    server = Server(work_ms / 1000, deferred_ms / 1000, delay_ms / 1000)
    listening = socket.socket(fileno=number)
    async with await asyncio.start_server(server.answer, sock=listening) as serving:
        await serving.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), *map(float, sys.argv[2:5])))
