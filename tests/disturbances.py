"""Ways to spoil a run, each bounded in time and undone at its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from lab.processes.process_tree import started_by
from tests.runs import ROOT


def _signal_each(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@contextmanager
def throttled(pid: int, share: float = 0.1) -> Iterator[None]:
    """Let a process, with all that it starts, run for a share of every tenth of a second only.

    A CPU quota does that. The driver makes each trial in a fork.
    """
    period, ended = 0.1, threading.Event()

    def duty() -> None:
        while not ended.is_set():
            stopped = [pid, *started_by(pid)]
            _signal_each(stopped, signal.SIGSTOP)
            time.sleep(period * (1 - share))
            _signal_each(stopped, signal.SIGCONT)
            time.sleep(period * share)

    thread = threading.Thread(target=duty)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def busy(seconds: float, cores: Iterable[int] | None = None) -> Iterator[None]:
    """Another process that keeps a core busy, for so long at most; on these cores."""
    with neighbour(Neighbour(1.0, seconds), cores, seconds):
        yield


@dataclass(frozen=True)
class Neighbour:
    """A process that uses a share of a core while it is on.

    Attributes:
        share: Of the core, while it is on: a run of work in each 5 ms.
        switch_s: For how long it is on, and then off, again and again.
    """

    share: float
    switch_s: float

    def __str__(self) -> str:
        return f"{self.share:.0%} on and off every {self.switch_s:g} s"


_NEIGHBOUR = """
import os, sys, time
share, switch_s, lasts_s, cores = eval(sys.argv[1])
if cores:
    os.sched_setaffinity(0, cores)
PERIOD_S = 0.005
began = now = time.monotonic()
while now < began + lasts_s:
    left_s = switch_s - (now - began) % (2 * switch_s)
    if left_s <= 0:
        time.sleep(left_s + switch_s)
    else:
        works_until = now + share * PERIOD_S
        while time.monotonic() < works_until:
            pass
        rest_s = now + PERIOD_S - time.monotonic()
        if rest_s > 0 and share < 1:
            time.sleep(rest_s)
    now = time.monotonic()
"""


@contextmanager
def neighbour(
    what: Neighbour, cores: Iterable[int] | None = None, lasts_s: float = 600.0
) -> Iterator[None]:
    """A neighbour on these cores, for so long at most."""
    given = repr((what.share, what.switch_s, lasts_s, set(cores or ())))
    process = subprocess.Popen([sys.executable, "-c", _NEIGHBOUR, given])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def kill(pid: int) -> None:
    """kill -9."""
    os.kill(pid, signal.SIGKILL)


class Impostor:
    """A service with other settings, loaded and waiting to take another's port."""

    _CODE = (
        "import runpy, sys, service.app, uvicorn; print('loaded', flush=True); "
        "sys.argv[1:] = ['--port', sys.stdin.readline().strip()]; "
        "runpy.run_module('service', run_name='__main__', alter_sys=True)"
    )

    def __init__(self, pid: int, url: str, **other: str) -> None:
        environ = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
        settings = dict(entry.split("=", 1) for entry in environ if "=" in entry) | other
        self._pid, self._port = pid, urlsplit(url).port
        self._process = subprocess.Popen(
            [sys.executable, "-c", self._CODE],
            env=settings,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def take_over(self) -> None:
        """kill -9 the other and answer in its place."""
        kill(self._pid)
        assert self._process.stdin is not None
        self._process.stdin.write(f"{self._port}\n".encode())
        self._process.stdin.flush()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()
