"""Logs of processes that do not fill the disk: of what is too long, the end is kept."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

MAX_BYTES = 8_000_000
KEPT_BYTES = 200_000
_PERIOD_S = 0.5


def trim(log: Path, max_bytes: int = MAX_BYTES, kept_bytes: int = KEPT_BYTES) -> bool:
    """Cut a log that is too long to its end; whether it was.

    Processes write at the end of the file, wherever that is, so they go on undisturbed. A few lines
    that are written just then may be lost.
    """
    with contextlib.suppress(OSError):
        size = log.stat().st_size
        if size <= max_bytes:
            return False
        with log.open("rb") as source:
            source.seek(size - kept_bytes)
            end = source.read(kept_bytes)
        os.truncate(log, 0)
        with log.open("ab") as sink:
            sink.write(f"[{size - len(end):,} bytes before this are left out]\n".encode() + end)
        return True
    return False


class LogCap:
    """Trims logs in the background until it is closed."""

    def __init__(self, logs: Callable[[], Iterable[Path]], on_trim: Callable[[Path], None]) -> None:
        """Take what returns the logs, and what is called with each that was trimmed."""
        self._logs, self._on_trim = logs, on_trim
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End trimming."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(_PERIOD_S):
            for log in self._logs():
                if trim(log):
                    self._on_trim(log)
