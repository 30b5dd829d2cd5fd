"""A process of its own for each trial: a fork of the one that has imported the scenario.

Whatever a trial changes (variables of the module, class attributes, patched functions, listeners,
greenlets that it leaves behind) ends with its process, so that every trial starts from the state
of the scenario at its import.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import io
import os
import random
import signal
import stat
import sys
import threading
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any, NoReturn

import gevent
from gevent import monkey
from gevent.event import Event
from gevent.os import make_nonblocking, nb_read
from gevent.queue import Empty, Queue

from lab.driver.source_location import SourceLocation, is_own, of_frame

FINISHED = 71  # exit code of a process that has sent all its messages
_CREATION = os.O_CREAT | os.O_EXCL | os.O_TRUNC
_HARMLESS = (0, signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH)
_PARENT_DEATH, _SUBREAPER = 1, 36  # PR_SET_PDEATHSIG and PR_SET_CHILD_SUBREAPER of prctl(2)

# the process that forks must not run greenlets: what the import has started is the trial's
_fork = monkey.get_original("os", "fork")
_select = monkey.get_original("select", "select")
_waitpid = monkey.get_original("os", "waitpid")
_exit, _abort, _kill, _raise_signal = os._exit, os.abort, os.kill, signal.raise_signal
_close = monkey.get_original("os", "close")


class RequestPipe:
    """Standard input, read line by line without running any greenlet. Its end is the lab's.

    It watches child processes as well. The end of input kills them and ends this process.
    """

    def __init__(self) -> None:
        self._pending = b""
        self._lines: list[bytes] = []
        self._children: dict[int, tuple[int, Callable[[int], None]]] = {}  # by descriptor

    def next_line(self) -> bytes:
        """The next line; the process ends if there is none."""
        while not self._lines:
            self._wait()
        return self._lines.pop(0)

    def watch(self, child: int, ended: Callable[[int], None]) -> None:
        """From now on, call `ended` with its status when a child process has ended."""
        self._children[os.pidfd_open(child)] = child, ended

    def wait_for(self, child: int) -> int:
        """Wait until a child process ends; returns its status."""
        statuses: list[int] = []
        self.watch(child, statuses.append)
        while not statuses:
            self._wait()
        return statuses[0]

    def _wait(self) -> None:
        ready = _select([0, *self._children], [], [])[0]
        for descriptor in ready:
            if descriptor == 0:
                self._read()
                continue
            child, ended = self._children.pop(descriptor)
            _close(descriptor)
            _, status = _waitpid(child, 0)
            end_children(spared={other for other, _ in self._children.values()})
            ended(os.waitstatus_to_exitcode(status))

    def _read(self) -> None:
        chunk = os.read(0, 1 << 16)
        if not chunk:
            for child, _ in self._children.values():
                _kill(child, signal.SIGKILL)
            _exit(0)
        *lines, self._pending = (self._pending + chunk).split(b"\n")
        self._lines += lines


class CommandPipe:
    """Standard input of a lane, read line by line while greenlets run. Its end ends the process."""

    def __init__(self, over: Event) -> None:
        """Begin to read.

        Args:
            over: Set when nothing more is to be read.
        """
        make_nonblocking(0)
        self._lines = Queue()  # of bytes | None
        over.rawlink(lambda _: self._lines.put(None))
        gevent.spawn(self._read)

    def next_line(self, timeout_s: float) -> bytes | None:
        """The next line; empty if none came in time, None if it is over before there is one."""
        try:
            line: bytes | None = self._lines.get(timeout=timeout_s)
        except Empty:
            return b""
        return line

    def _read(self) -> None:
        pending = b""
        while chunk := nb_read(0, 1 << 16):
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                self._lines.put(line)
        _exit(0)


def close(descriptor: int) -> None:
    """Close a descriptor without running any greenlet."""
    _close(descriptor)


def adopt_orphans() -> None:
    """From now on, processes that a trial leaves behind become children of this one."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def children() -> list[int]:
    """Ids of the processes that this one has started or adopted."""
    text = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text(encoding="ascii")
    return [int(pid) for pid in text.split()]


def end_children(spared: Collection[int] = ()) -> None:
    """End what a trial has started and left behind: it must not run beside the next one.

    Args:
        spared: Ids of processes that go on.
    """
    while left := [pid for pid in children() if pid not in spared]:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                _kill(pid, signal.SIGKILL)
        for pid in left:
            with contextlib.suppress(ChildProcessError):
                _waitpid(pid, 0)


def leave(status: int = 1) -> NoReturn:
    """End this process at once."""
    _exit(status)


def fork(work: Callable[[], None], files: Iterable[int], commands: int | None = None) -> int:
    """Do `work` in a new process, which ends with `FINISHED`; returns its id.

    The process ends if this one does. `work` must not raise.

    Args:
        work: Runs in the new process.
        files: Descriptors of regular files of the scenario, whose positions are not shared.
        commands: Descriptor that becomes the standard input of the new process, if it has any.
    """
    gc.collect()
    gc.freeze()  # memory that is never written stays shared
    parent = os.getpid()
    child = int(_fork())
    if child:
        gc.unfreeze()
        return child
    try:
        ctypes.CDLL(None).prctl(_PARENT_DEATH, signal.SIGKILL)
        if os.getppid() != parent:
            _exit(1)
        _replace_input(commands)
        gevent.reinit()
        gevent.get_hub().loop.install_sigchld()  # before the scenario forks
        for descriptor in files:
            _reopen(descriptor)
        random.seed(0)
        work()
        end()
    finally:
        _exit(1)


def end() -> NoReturn:
    """End this process at once; what the scenario has written to files is kept."""
    flush_files()
    _exit(FINISHED)


def flush_files() -> None:
    """Write what the scenario has left in the buffers of its files."""
    for each in instances(io.IOBase):
        with contextlib.suppress(Exception):
            if not stat.S_ISREG(os.fstat(each.fileno()).st_mode):
                os.set_blocking(each.fileno(), False)  # nobody may read it any more
            each.flush()


def instances(*kinds: type) -> list[Any]:
    """All objects of these classes, those that are exempt from garbage collection among them.

    An object is not asked for its class: that of a proxy would do what it stands for.
    """
    frozen = gc.get_freeze_count()
    gc.unfreeze()
    found = [each for each in gc.get_objects() if issubclass(type(each), kinds)]
    if frozen:
        gc.freeze()
    return found


def watch_exit(report: Callable[[str, SourceLocation], None]) -> None:
    """From now on, report it if the scenario ends the process past Python, or by a signal."""
    process = os.getpid()

    def report_scenario(how: str) -> None:
        if os.getpid() != process:
            return  # a process that the scenario has forked ends itself
        caller = sys._getframe(2)
        if is_own(caller.f_code.co_filename) and (where := of_frame(caller)):
            report(how, where)
            end()

    def exit_by_scenario(status: int) -> NoReturn:
        report_scenario(f"os._exit({status})")
        _exit(status)

    def abort_by_scenario() -> NoReturn:
        report_scenario("os.abort()")
        _abort()

    def kill_by_scenario(pid: int, number: int) -> None:
        if abs(pid) in (0, 1, os.getpid(), os.getppid(), os.getpgrp()) and _is_deadly(number):
            report_scenario(f"os.kill and {signal.Signals(number).name}")
        _kill(pid, number)

    def raise_by_scenario(number: int) -> None:
        if _is_deadly(number):
            report_scenario(f"signal.raise_signal and {signal.Signals(number).name}")
        _raise_signal(number)

    os._exit, os.abort, os.kill = exit_by_scenario, abort_by_scenario, kill_by_scenario
    signal.raise_signal = raise_by_scenario


def _is_deadly(number: int) -> bool:
    """Whether a signal ends this process."""
    if number in (signal.SIGKILL, signal.SIGSTOP):
        return True
    return number not in _HARMLESS and signal.getsignal(number) is signal.SIG_DFL


def open_descriptors() -> dict[int, str]:
    """What each open descriptor refers to, as the system names it."""
    found = {}
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found[int(link.name)] = str(link.readlink())
    return found


def _replace_input(commands: int | None) -> None:
    own = os.open(os.devnull, os.O_RDONLY) if commands is None else commands
    os.dup2(own, 0)
    _close(own)


def _reopen(descriptor: int) -> None:
    """Give a regular file a position of its own, equal to the shared one."""
    with contextlib.suppress(OSError):
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return
        info = Path(f"/proc/self/fdinfo/{descriptor}").read_text(encoding="ascii")
        fields = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
        flags = int(fields["flags"], 8)
        position = os.lseek(descriptor, 0, os.SEEK_CUR)
        copy = os.open(f"/proc/self/fd/{descriptor}", flags & ~_CREATION)
        os.lseek(copy, position, os.SEEK_SET)
        os.dup2(copy, descriptor, inheritable=not flags & os.O_CLOEXEC)
        _close(copy)
