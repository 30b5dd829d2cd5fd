"""CPU throttling of a process's control group, as the limits of a container cause it (Linux)."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class CpuPeriods(NamedTuple):
    """Scheduling periods of a control group since it was made."""

    scheduled: int  # in which it wanted to run; 0 if it has no quota
    throttled: int  # in which its quota stopped it


def cpu_periods(pid: int, root: Path = Path("/")) -> CpuPeriods | None:
    """The periods of the control group of a process; None if the system does not report them.

    Args:
        pid: Of the process.
        root: Of the file system in which `proc` and `sys` are.
    """
    try:
        membership = (root / "proc" / str(pid) / "cgroup").read_text(encoding="utf-8")
    except OSError:
        return None
    for line in membership.splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        # version 1 has a tree for each set of controllers, version 2 ("0::/path") one for all
        statistics = root / "sys/fs/cgroup" / controllers / path.lstrip("/") / "cpu.stat"
        try:
            text = statistics.read_text(encoding="ascii")
        except OSError:
            continue
        counts = dict(entry.split() for entry in text.splitlines())
        return CpuPeriods(int(counts.get("nr_periods", 0)), int(counts.get("nr_throttled", 0)))
    return None
