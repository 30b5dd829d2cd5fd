"""A queue with a known truth: several servers, first in, first out, fixed or exponential services.

`python -m tests.queue_server SOCKET SERVERS SERVICE_MS fixed|exponential`, where SOCKET is the
number of a listening socket that the process inherits. A service begins at the scheduled end of the
one before, so that a late timer delays one answer and does not reduce the capacity.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import random
import socket
import sys
from collections.abc import Iterable, Mapping

from lab.processes.child_processes import Child, Children
from tests.fakes.target import FakeTarget
from tests.runs import ROOT


class Servers:
    """The servers, with one queue."""

    def __init__(self, count: int, service_s: float, drawn: str) -> None:
        self._free = [0.0] * count
        self._service_s, self._drawn = service_s, drawn
        self._random = random.Random(8)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection to its end. Only the root takes a server; the rest is not found."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                status = b"404 Not Found"
                if head.startswith(b"GET / "):
                    status = b"200 OK"
                    await self._serve()
                writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        service_s = self._service_s
        if self._drawn == "exponential":
            service_s = self._random.expovariate(1 / service_s)
        ends = max(self._free[0], loop.time()) + service_s
        heapq.heapreplace(self._free, ends)
        done = loop.create_future()
        loop.call_at(ends, done.set_result, None)
        await done


class QueueTarget(FakeTarget):
    """A queue for each arm, in a process of its own."""

    def __init__(self, children: Children, cores: Iterable[int] | None) -> None:
        super().__init__({}, name="queue")
        self._children, self._cores = children, cores
        self._arms: dict[str, tuple[Child, str]] = {}

    def start(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """Start the processes. Their sockets listen already, so that there is no need to wait."""
        for arm, given in arms.items():
            self.settings[arm] = dict(given)
            with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
                number = listening.fileno()
                child = self._children.start(
                    [sys.executable, "-m", *self.command(number, given)],
                    role="service",
                    arm=arm,
                    cwd=ROOT,
                    cores=self._cores,
                    pass_fds=[number],
                )
                self._arms[arm] = child, f"http://127.0.0.1:{listening.getsockname()[1]}"

    def command(self, number: int, given: Mapping[str, str]) -> tuple[str, ...]:
        """The module that serves on a socket, and its arguments."""
        return (
            "tests.queue_server",
            str(number),
            given["SERVERS"],
            given["SERVICE_MS"],
            given["DRAWN"],
        )

    def url(self, arm: str) -> str:
        """The address of the queue."""
        return self._arms[arm][1]

    def roles(self, arm: str) -> dict[str, tuple[int, ...]]:
        """The process of the queue."""
        return {"service": (self._arms[arm][0].pid,)}

    def dead(self, arm: str) -> str | None:
        """How the process ended; None while it runs."""
        return self._arms[arm][0].died()


async def _main(number: int, count: int, service_ms: float, drawn: str) -> None:
    servers = Servers(count, service_ms / 1000, drawn)
    listening = socket.socket(fileno=number)
    async with await asyncio.start_server(servers.answer, sock=listening) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]))
