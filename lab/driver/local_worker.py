"""A worker that the driver starts on this machine, as a process that ends with it."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import sys
from collections import deque
from collections.abc import Callable
from subprocess import DEVNULL  # gevent's types do not know it
from typing import Any

import gevent
from gevent import subprocess

from lab.driver.worker_messages import SLOT
from lab.driver_messages import WORKER_TOKEN

_TAIL_LINES = 12


class LocalWorker:
    """`python -m lab.driver.worker`, whose output goes to the log of the driver."""

    def __init__(
        self, name: str, port: int, token: str, on_end: Callable[[LocalWorker, str], None]
    ) -> None:
        """Start it.

        Args:
            name: Of the worker, for the log.
            port: Of the master, on this machine.
            token: That the master asks for.
            on_end: Called once with how it ended, unless `end` was called before.
        """
        self.slot = secrets.token_hex(8)
        self._name, self._on_end, self._is_ending = name, on_end, False
        self._lines: deque[str] = deque(maxlen=_TAIL_LINES)
        self._popen: Any = subprocess.Popen(
            [sys.executable, "-m", "lab.driver.worker", "127.0.0.1", str(port)],
            env={**os.environ, WORKER_TOKEN: token, SLOT: self.slot},
            stdin=DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        gevent.spawn(self._copy_output)
        gevent.spawn(self._await_end)

    @property
    def pid(self) -> int:
        """Its process id."""
        return int(self._popen.pid)

    @property
    def tail(self) -> str:
        """The last lines that it has written."""
        return "\n".join(self._lines)

    def end(self) -> None:
        """End it at once; the process that makes its load ends with it."""
        self._is_ending = True
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def _copy_output(self) -> None:
        for line in self._popen.stdout:
            text = line.decode(errors="replace").rstrip("\n")
            self._lines.append(text)
            print(f"{self._name}: {text}", file=sys.stderr, flush=True)

    def _await_end(self) -> None:
        code = self._popen.wait()
        gevent.sleep(0.05)  # for its last lines
        if not self._is_ending:
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            self._on_end(self, f"was ended by {how}")
