"""A watchdog process: when the lab dies, however it dies, what it started goes too.

Run as `python -m lab.cleanup_watchdog` with a pipe for standard input. Each line tells of a process
(`+ PID START SIGNAL`: its id, its start time in clock ticks, the signal that ends it), of one that
has ended (`- PID`), of a folder to remove (`folder PATH`), of what marks the run's processes in
their environment (`mark NAME=VALUE`), or of what to run last (`last JSON`: a module and its
arguments; an empty list takes it back). At the pipe's end the processes still alive are ended, the
last module is run and the folders are removed. Standard library only: it must start at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

GRACE_S = 2.0
LAST_S = 120.0


def start_ticks(pid: int) -> int | None:
    """Start time of a process in clock ticks since boot; None where it is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


def _send(pid: int, number: int) -> None:
    """Signal a process's group (each child leads one of its own)."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _marked(marks: list[bytes]) -> list[int]:
    """Processes that carry one of these entries in their environment."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            with contextlib.suppress(OSError):
                if set((process / "environ").read_bytes().split(b"\0")) & set(marks):
                    found.append(int(process.name))
    return found


def main() -> None:
    """Read the pipe to its end, then clear up."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    processes: dict[int, tuple[int, int]] = {}
    folders: list[str] = []
    marks: list[bytes] = []
    last: list[str] = []
    for line in sys.stdin:
        word, _, rest = line.rstrip("\n").partition(" ")
        if word == "+":
            pid, started, number = map(int, rest.split())
            processes[pid] = (started, number)
        elif word == "-":
            processes.pop(int(rest), None)
        elif word == "folder":
            folders.append(rest)
        elif word == "mark":
            marks.append(rest.encode())
        elif word == "last":
            last = json.loads(rest)

    def alive() -> list[int]:
        return [pid for pid, (started, _) in processes.items() if start_ticks(pid) == started]

    # newest first: clients before the database that they use
    for pid in reversed(alive()):
        _send(pid, processes[pid][1])
    deadline = time.monotonic() + GRACE_S
    while alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    for pid in alive():
        _send(pid, signal.SIGKILL)
    for pid in _marked(marks):  # started, but never told of
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    if last:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run([sys.executable, "-m", *last], timeout=LAST_S, check=False)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
