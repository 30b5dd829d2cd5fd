"""Ways to spoil a run, each bounded in time and undone at its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.runs import ROOT


@contextmanager
def throttled(pid: int, share: float = 0.1) -> Iterator[None]:
    """Let a process run for a share of every tenth of a second only, as a CPU quota does."""
    period, ended = 0.1, threading.Event()

    def duty() -> None:
        try:
            while not ended.is_set():
                os.kill(pid, signal.SIGSTOP)
                time.sleep(period * (1 - share))
                os.kill(pid, signal.SIGCONT)
                time.sleep(period * share)
        except ProcessLookupError:
            return

    thread = threading.Thread(target=duty)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def busy(seconds: float) -> Iterator[None]:
    """Another process that keeps a core busy, for so long at most."""
    code = f"import time; end = time.time() + {seconds}\nwhile time.time() < end: pass"
    process = subprocess.Popen([sys.executable, "-c", code])
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
