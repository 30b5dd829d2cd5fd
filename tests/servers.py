"""Small servers whose every answer is known: `python -m tests.servers KIND OPTIONS LOG`.

Each runs in a process of its own, prints its port, and at its end (a closed standard input) writes
what it did to the file LOG, in seconds of the machine's monotonic clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import queue
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvloop

from tests.runs import ROOT

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
STALLED = 1_000_000
Handler = Callable[[int, Callable[[], None]], None]  # number of the request, and how to answer


class Plain:
    """Answers at once and counts."""

    def __init__(self) -> None:
        self.served = 0
        self.accepted = self.accepted_first = 0  # connections, in all and before the first request

    def accept(self) -> None:
        self.accepted += 1

    def handle(self, number: int, answer: Callable[[], None]) -> None:
        self.accepted_first = self.accepted_first or self.accepted
        self.served += 1
        answer()

    def log(self) -> dict[str, Any]:
        return {"served": self.served, "accepted_first": self.accepted_first}


class Stalling(Plain):
    """Answers at once, but requests of the number `STALLED` only after `stalled_s`."""

    def __init__(self, stalled_s: float) -> None:
        super().__init__()
        self._stalled_s, self._loop = stalled_s, asyncio.get_running_loop()

    def handle(self, number: int, answer: Callable[[], None]) -> None:
        self.served += 1
        if number == STALLED:
            self._loop.call_later(self._stalled_s, answer)
        else:
            answer()


class Frozen(Plain):
    """Stands still for the first `frozen_s` of every `period_s`, and answers at once otherwise."""

    def __init__(self, frozen_s: float, period_s: float) -> None:
        super().__init__()
        self._frozen_s, self._period_s = frozen_s, period_s
        self.freezes: list[tuple[float, float]] = []
        self._loop = asyncio.get_running_loop()
        self._loop.call_later(period_s - frozen_s, self._freeze)

    def _freeze(self) -> None:
        begin = time.monotonic()
        time.sleep(self._frozen_s)
        self.freezes.append((begin, time.monotonic()))
        self._loop.call_at(self._loop.time() + self._period_s - self._frozen_s, self._freeze)

    def log(self) -> dict[str, Any]:
        return super().log() | {"freezes": self.freezes}


class Queue:
    """So many servers behind one queue, first in, first out; each service is a known time."""

    def __init__(self, servers: int, mean_s: float, exponential: bool) -> None:
        self._times = random.Random(7)
        self._mean_s, self._exponential = mean_s, exponential
        self._waiting: queue.SimpleQueue[tuple[int, float, Callable[[], None]]]
        self._waiting = queue.SimpleQueue()
        self.services: list[tuple[int, float, float, float]] = []  # number, came, begun, ended
        for _ in range(servers):
            threading.Thread(target=self._serve, daemon=True).start()

    def accept(self) -> None:
        """However many."""

    def handle(self, number: int, answer: Callable[[], None]) -> None:
        self._waiting.put((number, time.monotonic(), answer))

    def _serve(self) -> None:
        ended = 0.0
        while True:
            number, came, answer = self._waiting.get()
            # this server was free, or is free since its last answer; waking up is part of it
            begun = max(came, ended)
            takes = self._mean_s
            if self._exponential:
                takes = self._times.expovariate(1 / self._mean_s)
            time.sleep(max(0.0, begun + takes - time.monotonic()))
            answer()
            ended = time.monotonic()
            self.services.append((number, came, begun, ended))

    def log(self) -> dict[str, Any]:
        return {"services": self.services}


class _Connection(asyncio.Protocol):
    def __init__(self, accept: Callable[[], None], handle: Handler) -> None:
        self._accept, self._handle, self._pending = accept, handle, b""

    def connection_made(self, transport: Any) -> None:
        self._accept()
        self._fd = transport.get_extra_info("socket").fileno()

    def data_received(self, data: bytes) -> None:
        *heads, self._pending = (self._pending + data).split(b"\r\n\r\n")
        for head in heads:
            path = head.split(b" ", 2)[1]
            self._handle(int(path.rpartition(b"=")[2] or 0) if b"=" in path else 0, self._answer)

    def _answer(self) -> None:
        # past the transport, so that any thread may: it has nothing else to send
        with contextlib.suppress(OSError):
            os.write(self._fd, _ANSWER)


KINDS: dict[str, Callable[..., Any]] = {
    "plain": Plain,
    "frozen": Frozen,
    "queue": Queue,
    "stalling": Stalling,
}


async def _serve(kind: str, options: dict[str, Any], log: Path) -> None:
    host = options.pop("host", "127.0.0.1")
    server = KINDS[kind](**options)
    listening = socket.create_server((host, 0), backlog=4096)
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: _Connection(server.accept, server.handle), sock=listening)
    print(listening.getsockname()[1], flush=True)
    ended = loop.create_future()
    threading.Thread(
        target=lambda: (sys.stdin.read(), loop.call_soon_threadsafe(ended.set_result, None)),
        daemon=True,
    ).start()
    await ended
    log.write_text(json.dumps(server.log()))


class Serving:
    """A server under way; its log once it has ended."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        assert process.stdout is not None
        self.process, self._log = process, log
        self.url = f"http://127.0.0.1:{process.stdout.readline().strip()}"

    def end(self) -> dict[str, Any]:
        """End it and read what it did."""
        self.process.communicate()
        data: dict[str, Any] = json.loads(self._log.read_text())
        return data


@contextmanager
def serving(
    kind: str, log: Path, cores: Iterable[int] | None = None, **options: Any
) -> Iterator[Serving]:
    """A server of that kind, on cores of its own where told."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.servers", kind, json.dumps(options), str(log)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        if cores is not None:
            os.sched_setaffinity(process.pid, set(cores))
        yield Serving(process, log)
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], json.loads(sys.argv[2]), Path(sys.argv[3])))
