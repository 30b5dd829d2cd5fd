"""What the import of a scenario must not do: send load, and leave what no fork can inherit."""

from __future__ import annotations

import gc
import inspect
import os
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import gevent
import locust
from locust.runners import Runner

from lab.driver.locust_environment import event
from lab.driver.source_location import of_frame
from lab.driver.trial_process import children, instances, open_descriptors

_SHARED = {  # by module: classes whose objects keep their state outside of the process
    "multiprocessing.connection": ("_ConnectionBase",),  # of pipes and queues
    "multiprocessing.heap": ("BufferWrapper",),  # of Value and Array
    "multiprocessing.shared_memory": ("SharedMemory",),
    "multiprocessing.synchronize": ("Semaphore", "Condition", "Event", "Barrier"),
}

Result = TypeVar("Result")


class RefusedScenarioError(Exception):
    """The scenario cannot be measured; `file` and `line` say where, if it is one place."""

    def __init__(self, message: str, file: str | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.file, self.line = file, line


def refused(message: str, thing: Any) -> RefusedScenarioError:
    """With the line at which a class or function is defined."""
    try:
        file = inspect.getsourcefile(thing)
        return RefusedScenarioError(message, file, inspect.getsourcelines(thing)[1])
    except (TypeError, OSError):
        return RefusedScenarioError(message)


def without_load(work: Callable[[], Result]) -> Result:
    """Do the import of a scenario; refuse what would start users of Locust."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        where = of_frame(sys._getframe(1))
        raise RefusedScenarioError(
            "it starts users of its own when it is imported, beside every trial: put "
            'that under `if __name__ == "__main__":`',
            where and where.file,
            where and where.line,
        )

    start, single = Runner.start, locust.run_single_user
    Runner.start, locust.run_single_user = refuse, refuse  # type: ignore[method-assign]
    own = {runner: vars(runner)["start"] for runner in _runners() if "start" in vars(runner)}
    for runner in own:
        setattr(runner, "start", refuse)  # noqa: B010
    try:
        return work()
    finally:
        Runner.start, locust.run_single_user = start, single  # type: ignore[method-assign]
        for runner, method in own.items():
            setattr(runner, "start", method)  # noqa: B010


def _runners() -> list[type[Runner]]:
    found: list[type[Runner]] = []
    left = list(Runner.__subclasses__())
    while left:
        found.append(each := left.pop())
        left += each.__subclasses__()
    return found


def refuse_requests_at_import() -> None:
    """Refuse a runner that the import made, and requests that it sent."""
    if instances(Runner):
        raise RefusedScenarioError(
            "its import makes a runner of its own: the lab runs its users. Put that behind "
            '`if __name__ == "__main__":`'
        )
    if event("request").fired:
        raise RefusedScenarioError(
            "its import sends requests through Locust, before any trial: send them in a task, or "
            "in a listener of test_start"
        )


def refuse_what_no_fork_inherits(before: dict[int, str]) -> frozenset[int]:
    """Connections, threads, processes, and what processes share.

    Returns:
        The descriptors of the files that the import has opened.
    """
    gc.collect()  # closes what nobody refers to
    opened = _opened_since(before)
    if any(map(_is_socket, opened.values())):
        gevent.sleep(0.01)  # gevent closes a socket when its loop runs
        opened = _opened_since(before)
    for fd, what in opened.items():
        if _is_socket(what) and (peer := _peer(fd)):
            raise RefusedScenarioError(
                f"its import leaves a connection to {peer} open, which trials cannot share: "
                "connect in on_start, or in a listener of test_start"
            )
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            raise refused(
                f"its import starts the thread {thread.name}, which trials cannot share: start "
                "it in a listener of test_start, or in on_start",
                getattr(thread, "_target", None) or type(thread),
            )
    _refuse_native_threads()
    _refuse_processes()
    return frozenset(fd for fd, what in opened.items() if what.startswith("/"))


def _opened_since(before: dict[int, str]) -> dict[int, str]:
    return {fd: what for fd, what in open_descriptors().items() if before.get(fd) != what}


def _is_socket(what: str) -> bool:
    return what.startswith("socket:")


def _refuse_native_threads() -> None:
    hub = gevent.get_hub()
    if hub._threadpool is not None:
        hub.threadpool.kill()
    main = threading.main_thread().ident
    for ident, frame in sys._current_frames().items():
        where = of_frame(frame)
        if ident != main and where is not None:
            raise RefusedScenarioError(
                "its import starts a native thread, which trials cannot share: start it in a "
                "listener of test_start",
                where.file,
                where.line,
            )


def _refuse_processes() -> None:
    for pid in children():
        with suppress(OSError):
            name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
            raise RefusedScenarioError(
                f"its import leaves a process running ({name}), which trials would share: start "
                "it in a listener of test_start"
            )
    shared = tuple(
        vars(sys.modules[module])[name]
        for module, names in _SHARED.items()
        if module in sys.modules
        for name in names
    )
    for each in instances(*shared):
        raise RefusedScenarioError(
            f"its import makes a {type(each).__name__} of multiprocessing, whose content "
            "trials would share: make it in a listener of test_start"
        )


def _peer(fd: int) -> str | None:
    """Address of the other end of a connection; None for a socket that is not connected."""
    with socket.socket(fileno=os.dup(fd)) as copy:
        try:
            peer = copy.getpeername()
        except OSError:
            return None
    return ":".join(str(part) for part in peer[:2]) if isinstance(peer, tuple) else str(peer)
