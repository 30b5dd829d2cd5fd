"""Processor time of cores and of processes, as Linux counts it under /proc."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")
_PROCESS_CLOCK = 2  # CPUCLOCK_SCHED of the kernel's clock ids


class CoreTime(NamedTuple):
    """Seconds of one core since the machine started."""

    busy_s: float  # with processes, and with interrupts
    steal_s: float  # that the hypervisor gave to other machines


class ProcessTime(NamedTuple):
    """One process at one moment."""

    parent: int
    name: str  # of its program, cut to 15 letters by the system
    cpu_s: float  # since it started, without its children
    core: int  # on which it ran last
    started: int  # ticks since the machine started: a process id may be used again


def core_times(text: str | None = None) -> dict[int, CoreTime]:
    """Return the time of each core that is online, by its number.

    Args:
        text: Of `/proc/stat`; None to read it now.
    """
    if text is None:
        text = (_PROC / "stat").read_text(encoding="ascii")
    found = {}
    for line in text.splitlines():
        name, *values = line.split()
        if name.startswith("cpu") and name[3:].isdigit():
            user, nice, system, _, _, irq, softirq, steal, *_ = (int(v) * _TICK_S for v in values)
            found[int(name[3:])] = CoreTime(user + nice + system + irq + softirq, steal)
    return found


def since(before: Mapping[int, CoreTime], now: Mapping[int, CoreTime]) -> dict[int, CoreTime]:
    """Return what each core did between two readings, of those that are in both."""
    return {
        core: CoreTime(
            now[core].busy_s - before[core].busy_s, now[core].steal_s - before[core].steal_s
        )
        for core in before.keys() & now.keys()
    }


def process_times() -> dict[int, ProcessTime]:
    """Return all processes that can be seen from here, by process id."""
    found = {}
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            # one that has just ended, or that must not be seen
            with contextlib.suppress(OSError, ValueError, IndexError):
                found[int(folder.name)] = parse_stat((folder / "stat").read_bytes())
    return found


def parse_stat(stat: bytes) -> ProcessTime:
    """Return what `/proc/PID/stat` says. ValueError or IndexError if it is something else."""
    name = stat.rpartition(b")")[0].partition(b"(")[2].decode("utf-8", "replace")
    fields = _fields(stat)
    return ProcessTime(
        parent=int(fields[1]),
        name=name,
        cpu_s=(int(fields[11]) + int(fields[12])) * _TICK_S,
        core=int(fields[36]),
        started=int(fields[19]),
    )


def exact_cpu_s(pid: int) -> float:
    """Return the time of a process in nanoseconds' steps, and of its children that have ended.

    In seconds. 0 if there is no such process.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        # clock_getcpuclockid(3): threads that have ended among them
        own_s = time.clock_gettime((~pid << 3) | _PROCESS_CLOCK)
        ended = _fields((_PROC / str(pid) / "stat").read_bytes())[13:15]  # cutime, cstime
        return own_s + sum(map(int, ended)) * _TICK_S
    return 0.0


def is_runnable(pid: int) -> bool:
    """Return whether a thread of a process runs, or waits for a core."""
    with contextlib.suppress(OSError):
        for task in (_PROC / str(pid) / "task").iterdir():
            with contextlib.suppress(OSError):
                if _fields((task / "stat").read_bytes())[:1] == [b"R"]:
                    return True
    return False


def _fields(stat: bytes) -> list[bytes]:
    """What follows the name in `/proc/PID/stat`."""
    return stat.rpartition(b")")[2].split()
