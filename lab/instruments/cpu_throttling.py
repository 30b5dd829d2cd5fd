"""CPU throttling of a process's control group, as a container's limits cause it (Linux)."""

from __future__ import annotations

from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


def throttling(pid: int) -> tuple[int, int] | None:
    """Scheduling periods of the process's group so far, and those in which its quota stopped it.

    None where the system does not tell; (0, 0) where nothing limits the group.
    """
    try:
        membership = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8")
    except OSError:
        return None
    for line in membership.splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        # version 1 has a tree for each set of controllers, version 2 ("0::/path") one for all
        statistics = _ROOT / controllers / path.lstrip("/") / "cpu.stat"
        try:
            text = statistics.read_text(encoding="ascii")
        except OSError:
            continue
        counts = dict(entry.split() for entry in text.splitlines())
        return int(counts.get("nr_periods", 0)), int(counts.get("nr_throttled", 0))
    return None
