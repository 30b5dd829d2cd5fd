"""Processes with all that they started: found by their parents, their environment, their ports."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import psutil

from lab.machine.processor_time import ProcessTime, process_times

_LISTEN = "0A"  # the state of a socket, as the kernel writes it


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


def started_by(pid: int) -> Iterator[int]:
    """The ids of the processes that a process has started, directly or not, and that run.

    Quicker than a look at all processes: only its own threads and theirs are read.
    """
    with contextlib.suppress(OSError):  # it has just ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_bytes().split():
                yield int(child)
                yield from started_by(int(child))


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


def listeners(port: int, among: Iterable[int] | None = None) -> list[int]:
    """The ids of processes that hold a socket which listens on a TCP port, sorted.

    Those of other users are not seen.

    Args:
        port: The port.
        among: The processes that are looked at; None for all.
    """
    sockets = {f"socket:[{number}]" for number in _listening(port)}
    if among is None:
        among = [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]
    found = []
    for pid in among if sockets else ():
        with contextlib.suppress(OSError):
            if any(_target(each) in sockets for each in Path(f"/proc/{pid}/fd").iterdir()):
                found.append(pid)
    return sorted(found)


def is_listened_on(port: int) -> bool:
    """Whether a socket listens on a TCP port, whoever holds it."""
    return any(_listening(port))


def shows_its_files(pid: int) -> bool:
    """Whether it can be read what a process has open; so it is of one that has ended."""
    try:
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # it was closed just now
                each.readlink()  # a privilege may show the folder and not what it names
                return True
    except FileNotFoundError:
        return not _runs(pid)  # else it is hidden
    except OSError:
        return False
    return True


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError as error:
        return isinstance(error, PermissionError)
    return True


def listening_addresses(pids: Iterable[int]) -> set[tuple[str, int]]:
    """The addresses and ports on which these processes listen by TCP, as far as they show it."""
    found = set()
    for pid in pids:
        with contextlib.suppress(psutil.Error, OSError):
            for each in psutil.Process(pid).net_connections("tcp"):
                if each.status == psutil.CONN_LISTEN:
                    found.add((each.laddr.ip, each.laddr.port))
    return found


def files_open_for_writing(pids: Iterable[int]) -> dict[tuple[int, int], Path]:
    """The regular files that these processes have open for writing, by device and inode."""
    found = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            for each in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError, ValueError, IndexError):
                    state = each.stat()
                    text = Path(f"/proc/{pid}/fdinfo/{each.name}").read_text(encoding="ascii")
                    flags = int(text.partition("flags:")[2].split()[0], 8)
                    if stat.S_ISREG(state.st_mode) and flags & (os.O_WRONLY | os.O_RDWR):
                        found[state.st_dev, state.st_ino] = each.readlink()
    return found


def uppermost(pids: Iterable[int]) -> list[int]:
    """Those of these processes that no other of them has started, directly or indirectly."""
    found, family = set(pids), children_by_parent()
    below = {pid for root in found for pid in with_descendants(root, family)[1:]}
    return sorted(found - below)


def _listening(port: int) -> Iterator[str]:
    """The numbers of the sockets that listen on a port, as the kernel lists them."""
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path("/proc/net", table).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # it was closed just now
        return ""


def kill_each(pids: Iterable[int]) -> None:
    """SIGKILL to each of these processes that still runs."""
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
