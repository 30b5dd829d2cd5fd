"""`lab run --detach`: the run continues in the background, and its terminal may be closed."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import IO

from lab.errors import storage_error


def detach(folder: Path, resumed: Path | None) -> DetachedRun | None:
    """Fork. Returns None in the process that was started from the terminal, which may then end.

    That process waits until the run has its folder or waits for another run, and prints its
    message. If the run ends before that, it prints the run's output and ends with its exit code
    (SystemExit).

    Args:
        folder: The folder of all runs of the hypothesis.
        resumed: The folder of the run that is resumed, if one is.

    Raises:
        StorageError: The folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(folder, error) from error
    log = resumed / "run.log" if resumed else folder / f".detached-{os.getpid()}.log"
    sys.stdout.flush()
    reading, writing = os.pipe()
    if child := os.fork():
        os.close(writing)
        _await_message(child, reading, log)
        return None
    os.setsid()  # leave the terminal
    os.close(reading)
    sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    empty = os.open(os.devnull, os.O_RDONLY)
    for source, number in ((empty, 0), (sink, 1), (sink, 2)):
        os.dup2(source, number)
    return DetachedRun(log, os.fdopen(writing, "w", encoding="utf-8"))


def _await_message(child: int, reading: int, log: Path) -> None:
    """Print the first message of the background process, or its output if it ends without one."""
    before = log.stat().st_size if log.exists() else 0
    try:
        with os.fdopen(reading, encoding="utf-8") as pipe:
            message = pipe.read()
    except KeyboardInterrupt:
        os.kill(child, signal.SIGTERM)
        message = ""
    if message:
        print(message)
        return
    _, status = os.waitpid(child, 0)
    output = log.read_bytes()[before:].decode(errors="replace")
    print(output, end="", file=sys.stderr)
    if log.name.startswith("."):
        log.unlink()
    raise SystemExit(os.waitstatus_to_exitcode(status))


class DetachedRun:
    """The background process, and the pipe to the process at the terminal."""

    def __init__(self, log: Path, pipe: IO[str]) -> None:
        self._log, self._pipe = log, pipe

    def waiting(self, holder: int | None) -> None:
        """Another run holds the machine, perhaps for hours: let the command end."""
        self._send(
            f"waiting in the background as process {os.getpid()} for another run to end (process "
            f"{holder or 'unknown'}); output goes to {self._log}"
        )

    def settled(self, folder: Path) -> None:
        """The run has its folder: move the log there, and let the command end."""
        log = folder / "run.log"
        if self._log != log:
            self._log.rename(log)
        self._send(
            f"running in the background as process {os.getpid()}: {folder.resolve()}\n"
            f"`lab status {folder.resolve().parent.name}` shows its progress; output goes to {log}"
        )

    def _send(self, message: str) -> None:
        if not self._pipe.closed:  # only the first message is awaited
            with contextlib.suppress(BrokenPipeError), self._pipe:
                self._pipe.write(message)
