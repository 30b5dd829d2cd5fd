"""Removing what runs have made on the Docker engine: containers, volumes, networks and images.

Each lab process names its Compose projects after itself, and so can find and remove them. The
watchdog runs `python -m lab.targets.docker_cleanup OWNER` for a lab that was killed. What is left
if the engine had stopped as well is found by the next run (`is_abandoned`).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

from lab.processes.cleanup_watchdog import start_ticks
from lab.targets.docker_engine import PROJECT_LABEL, EngineError, docker

_REMOVAL_S = 60.0
_REMOVERS = {
    "ps": ("rm", "--force", "--volumes"),
    "volume": ("volume", "rm", "--force"),
    "network": ("network", "rm"),
    "image": ("image", "rm", "--force"),
}


def owner() -> str:
    """A name for this process that no other has, also on other machines that share the engine."""
    return f"lab-{_host()}-{_boot()}-{os.getpid()}-{start_ticks(os.getpid())}"


def owned_by(owner_name: str) -> Callable[[str], bool]:
    """Whether a project belongs to this owner."""
    return lambda project: project.startswith(f"{owner_name}-")


def is_abandoned(project: str) -> bool:
    """Whether a project belongs to a lab process of this machine that has ended."""
    found = re.match(r"lab-(\w+)-(\w+)-(\d+)-(\d+)-", project)
    if found is None or found[1] != _host():
        return False
    return found[2] != _boot() or start_ticks(int(found[3])) != int(found[4])


def resources(kind: str, belongs: Callable[[str], bool]) -> list[str]:
    """Ids of what belongs to some projects; `kind` is ps, volume, network or image."""
    if kind == "image":  # it has no label of Compose's: its name is the project's
        row = "{{.Repository}}:{{.Tag}} {{.Repository}}"
        table = docker("image", "ls", "--filter", "reference=lab-*", "--format", row)
    else:
        listing = (kind, "--all") if kind == "ps" else (kind, "ls")
        name = "{{.Name}}" if kind == "volume" else "{{.ID}}"
        row = f'{name} {{{{.Label "{PROJECT_LABEL}"}}}}'
        table = docker(*listing, "--filter", f"label={PROJECT_LABEL}", "--format", row)
    rows = (line.split() for line in table.splitlines())
    return [row[0] for row in rows if len(row) == 2 and belongs(row[1])]


def remove(belongs: Callable[[str], bool]) -> None:
    """Remove everything that belongs to some projects. EngineError if something is left.

    Repeated until nothing is found: what a killed Compose command had asked for may appear late.
    """
    deadline = time.monotonic() + _REMOVAL_S
    problem = ""
    while time.monotonic() < deadline:
        left = False
        for kind, remover in _REMOVERS.items():
            if found := resources(kind, belongs):
                left = True
                try:
                    docker(*remover, *found, timeout_s=max(1.0, deadline - time.monotonic()))
                except EngineError as error:  # removed in part, perhaps: list it again
                    problem = str(error)
                    time.sleep(0.2)
        if not left:
            return
    raise EngineError(f"what this run made cannot be removed: {problem}")


def _host() -> str:
    """This machine, and the process namespace, in which process ids are unique."""
    parts = [platform.node(), str(Path("/proc/self/ns/pid").readlink())]
    with contextlib.suppress(OSError):
        parts.append(Path("/etc/machine-id").read_text(encoding="ascii"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]


if __name__ == "__main__":
    with contextlib.suppress(EngineError):
        remove(owned_by(sys.argv[1]))
