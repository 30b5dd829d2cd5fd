"""Processes with all that they started: found by their parents, their environment, their ports."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

from lab.processor_time import ProcessTime, process_times


def children_by_parent(
    processes: Mapping[int, ProcessTime] | None = None,
) -> dict[int, list[int]]:
    """The ids of the children of each process that has any.

    Args:
        processes: All of them, by id; None to read them now.
    """
    family: dict[int, list[int]] = {}
    for pid, process in (process_times() if processes is None else processes).items():
        family.setdefault(process.parent, []).append(pid)
    return family


def with_descendants(root: int, family: Mapping[int, list[int]]) -> list[int]:
    """A process and all that it started, directly or indirectly."""
    found = [root]
    for pid in found:
        found.extend(family.get(pid, ()))
    return found


def environment_of(pid: int) -> dict[str, str]:
    """The environment that a process was started with; empty if it cannot be read."""
    try:
        data = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    pairs = (entry.partition(b"=") for entry in data.split(b"\0") if b"=" in entry)
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}


def with_variable(name: str, value: str) -> list[int]:
    """The ids of all processes that have this variable in their environment."""
    wanted = os.fsencode(f"{name}={value}")
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                if wanted in (process / "environ").read_bytes().split(b"\0"):
                    found.append(int(process.name))
    return found


def listeners(port: int) -> list[int]:
    """The ids of the processes that listen on a TCP port, as far as the system shows them."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.Error:
        return []
    return [
        each.pid
        for each in connections
        if each.status == psutil.CONN_LISTEN and each.pid is not None
        if each.laddr and each.laddr.port == port
    ]


def kill_each(pids: Iterable[int]) -> None:
    """SIGKILL to each of these processes that still runs."""
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
