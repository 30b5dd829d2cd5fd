"""Which processes run on which CPU cores."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil


def pin(pid: int, cores: Iterable[int]) -> None:
    """Keep a process with all its threads on these cores; nothing if the system refuses."""
    wanted = set(cores)
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                os.sched_setaffinity(int(task.name), wanted)


def pin_family(pid: int, cores: Iterable[int]) -> None:
    """Keep a process and all that it has started on these cores."""
    wanted = tuple(cores)
    pin(pid, wanted)  # first: what it starts from now on inherits that
    with contextlib.suppress(psutil.Error):
        for process in psutil.Process(pid).children(recursive=True):
            pin(process.pid, wanted)


@dataclass(frozen=True)
class Cores:
    """The cores of the load driver and of the target."""

    driver: tuple[int, ...]
    target: tuple[int, ...]

    @property
    def all(self) -> tuple[int, ...]:
        """Those of both, in order."""
        return tuple(sorted({*self.driver, *self.target}))


def divide_cores() -> Cores:
    """The first core for driver and lab, all others for the target; a single core for both."""
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        return Cores(tuple(available), tuple(available))
    return Cores(tuple(available[:1]), tuple(available[1:]))
