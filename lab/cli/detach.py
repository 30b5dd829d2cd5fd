"""A run that leaves its terminal: it may close, and the run goes on."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import IO


def detach(folder: Path, resumed: Path | None) -> DetachedRun | None:
    """Go on in the background: None in the command that was typed, which then may end.

    That command waits until the run has its folder, or waits for another run's end, and tells; or
    until it ended before that, whose words and exit code it passes on (SystemExit).

    Args:
        folder: Of the hypothesis' runs.
        resumed: The run that goes on, where one does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = resumed / "run.log" if resumed else folder / f".detached-{os.getpid()}.log"
    sys.stdout.flush()
    reading, writing = os.pipe()
    if child := os.fork():
        os.close(writing)
        _watch(child, reading, log)
        return None
    os.setsid()  # the terminal may close
    os.close(reading)
    sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    empty = os.open(os.devnull, os.O_RDONLY)
    for source, number in ((empty, 0), (sink, 1), (sink, 2)):
        os.dup2(source, number)
    return DetachedRun(log, os.fdopen(writing, "w", encoding="utf-8"))


def _watch(child: int, reading: int, log: Path) -> None:
    """What the command that was typed does: pass on what the background says first."""
    before = log.stat().st_size if log.exists() else 0
    try:
        with os.fdopen(reading, encoding="utf-8") as pipe:
            said = pipe.read()
    except KeyboardInterrupt:
        os.kill(child, signal.SIGTERM)
        said = ""
    if said:
        print(said)
        return
    _, status = os.waitpid(child, 0)
    words = log.read_bytes()[before:].decode(errors="replace")
    print(words, end="", file=sys.stderr)
    if log.name.startswith("."):
        log.unlink()
    raise SystemExit(os.waitstatus_to_exitcode(status))


class DetachedRun:
    """A run that left its terminal, and the command there that waits for a word."""

    def __init__(self, log: Path, pipe: IO[str]) -> None:
        self._log, self._pipe = log, pipe

    def waiting(self, holder: int | None) -> None:
        """Another run holds the machine, for hours perhaps: the command may end."""
        self._tell(
            f"waits in the background as process {os.getpid()} for another run to end (process "
            f"{holder or 'unknown'}); its words go to {self._log}"
        )

    def settled(self, folder: Path) -> None:
        """The run has its folder: the log goes there, and the command may end."""
        log = folder / "run.log"
        if self._log != log:
            self._log.rename(log)
        self._tell(
            f"goes on in the background as process {os.getpid()}: {folder.resolve()}\n"
            f"`lab status {folder.resolve().parent.name}` tells how it is; its words go to {log}"
        )

    def _tell(self, words: str) -> None:
        if not self._pipe.closed:  # else the command has had its word
            with contextlib.suppress(BrokenPipeError), self._pipe:
                self._pipe.write(words)
