"""Ways to spoil a run, each bounded in time and undone at its end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.proof.record import ROOT


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


def impostor(pid: int, url: str, **other: str) -> subprocess.Popen[bytes]:
    """End a service process and put one with other settings on its port."""
    environ = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    settings = dict(entry.split("=", 1) for entry in environ if "=" in entry) | other
    kill(pid)
    port = urlsplit(url).port
    while True:  # until the port is free again
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port or 0))
                break
            except OSError:
                time.sleep(0.05)
    return subprocess.Popen(
        [sys.executable, "-m", "service", "--port", str(port)],
        env=settings,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
