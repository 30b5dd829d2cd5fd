"""A watchdog process: when the lab dies, however it dies, it ends and removes what the lab started.

Run as `python -m lab.processes.cleanup_watchdog` with a pipe for standard input. Each line is a
message:

    + PID START SIGNAL     a process was started: id, start time in clock ticks, signal that ends it
    - PID                  it has ended
    folder PATH            a folder to remove
    keep PATH              a folder not to remove after all
    variable NAME=VALUE    an environment variable that all processes of the run have
    last JSON              a module and its arguments to run last; an empty list for nothing

At the end of the pipe the processes that still run are ended, the last module is run, and the
folders are removed. It imports the standard library only, because it must start at once.
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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

GRACE_S = 2.0  # between the signal of a process and SIGKILL
LAST_S = 120.0  # that the last module may take
_POLL_S = 0.02


def start_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None if it is gone or a zombie.

    Together with the process id it names a process for good: ids are used again.
    """
    fields = _stat(pid)
    return None if fields is None or fields[0] == "Z" else int(fields[19])


def descendants(roots: Iterable[int]) -> dict[int, int | None]:
    """What these processes have started, directly or indirectly: ids and when they started.

    It is found by its parents, whatever its session and its environment are.
    """
    found, family = list(roots), dict[int, list[int]]()
    for entry in Path("/proc").iterdir() if found else ():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))) is not None:
            family.setdefault(int(fields[1]), []).append(int(entry.name))
    count = len(found)
    for pid in found:
        found.extend(family.get(pid, ()))
    return {pid: start_ticks(pid) for pid in found[count:]}


def kill_those(processes: Mapping[int, int | None]) -> None:
    """SIGKILL to each of these processes that still runs: ids and when they started."""
    for pid, started in processes.items():
        if started is not None and start_ticks(pid) == started:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def _stat(pid: int) -> list[str] | None:
    """What follows the name in `/proc/PID/stat`; None if the process is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    return stat.rpartition(")")[2].split()


@dataclass
class _Started:
    """What the lab has started, as far as it has sent messages."""

    processes: dict[int, tuple[int, int]] = field(default_factory=dict)  # id -> start, signal
    folders: list[str] = field(default_factory=list)
    variables: set[bytes] = field(default_factory=set)
    last: list[str] = field(default_factory=list)

    def take(self, line: str) -> None:
        """Take in one message."""
        word, _, rest = line.rstrip("\n").partition(" ")
        match word:
            case "+":
                pid, started, number = map(int, rest.split())
                self.processes[pid] = (started, number)
            case "-":
                self.processes.pop(int(rest), None)
            case "folder":
                self.folders.append(rest)
            case "keep" if rest in self.folders:
                self.folders.remove(rest)
            case "variable":
                self.variables.add(rest.encode())
            case "last":
                self.last = json.loads(rest)

    def running(self) -> list[int]:
        """Ids of the processes that still run."""
        return [pid for pid, (started, _) in self.processes.items() if start_ticks(pid) == started]

    def end_processes(self) -> None:
        """Send each its signal, newest first, so that clients end before their database."""
        running = self.running()
        below = descendants(running)
        for pid in reversed(running):
            _signal_group(pid, self.processes[pid][1])
        deadline = time.monotonic() + GRACE_S
        while self.running() and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        for pid in running:  # its group may outlive it
            _signal_group(pid, signal.SIGKILL)
        kill_those(below)
        for pid in _with_variable(self.variables):  # started, but no message was sent any more
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def run_last(self) -> None:
        """Run the last module, if there is one."""
        if self.last:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run([sys.executable, "-m", *self.last], timeout=LAST_S, check=False)


def _signal_group(pid: int, number: int) -> None:
    """Signal the process group of a process; each child of the lab leads its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _with_variable(variables: Iterable[bytes]) -> list[int]:
    """Ids of the processes that have one of these variables in their environment."""
    wanted, found = set(variables), []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            with contextlib.suppress(OSError):
                if wanted & set((process / "environ").read_bytes().split(b"\0")):
                    found.append(int(process.name))
    return found


def main() -> None:
    """Read messages until the lab has ended, then clean up."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    started = _Started()
    for line in sys.stdin:
        started.take(line)
    started.end_processes()
    started.run_last()
    for folder in started.folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
