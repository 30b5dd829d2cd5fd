"""The process that makes a worker's share of the load: a driver, commanded by the worker."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from collections.abc import Callable
from typing import Any

import gevent
from gevent import subprocess

from lab.driver.worker_messages import SLOT
from lab.driver_messages import WORKER_TOKEN

_KIND = re.compile(rb'\{"version":\d+,"kind":"(\w+)"')


class LoadProcess:
    """`python -m lab.driver`, in a session of its own; it ends when its input does."""

    def __init__(self, on_line: Callable[[bytes], None], on_end: Callable[[str], None]) -> None:
        """Start it.

        Args:
            on_line: Called with each message that it sends, as a line.
            on_end: Called once with how it ended, unless `end` was called before.
        """
        hidden = (WORKER_TOKEN, SLOT)  # a scenario has no business with them
        self._popen: Any = subprocess.Popen(
            [sys.executable, "-m", "lab.driver"],
            env={name: value for name, value in os.environ.items() if name not in hidden},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._on_line, self._on_end = on_line, on_end
        self._is_ending = False
        gevent.spawn(self._read)

    @property
    def pid(self) -> int:
        """Its process id."""
        return int(self._popen.pid)

    def send(self, line: bytes) -> None:
        """Give it a message; if it has ended, that is reported otherwise."""
        with contextlib.suppress(OSError, ValueError):
            self._popen.stdin.write(line)
            self._popen.stdin.flush()

    def end(self) -> None:
        """End it at once, with the processes of its trials."""
        self._is_ending = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()

    def _read(self) -> None:
        for line in self._popen.stdout:
            self._on_line(line)
        code = self._popen.wait()
        if not self._is_ending:
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            self._on_end(f"ended by {how}")


def kind_of(line: bytes) -> str:
    """The kind of a message, without the cost of decoding it."""
    found = _KIND.match(line)
    return found[1].decode() if found else ""
