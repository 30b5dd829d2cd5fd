"""Arrivals of an open load, and which of them a greenlet works for.

A greenlet works for the arrival of the greenlet that spawned it, at any depth: gevent hands
`spawn_tree_locals` down to whatever is spawned, patched threads included. The workers of a thread
pool are older than the jobs that they get, so a job carries its arrival along
(`carry_into_thread_pools`).
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gevent import getcurrent
from gevent.threadpool import ThreadPool

_KEY = "lab_arrival"  # in `spawn_tree_locals`


class Arrival:
    """One arrival: when it was scheduled, dispatched, and begun by a user (monotonic seconds)."""

    __slots__ = (
        *("_first_ended", "_reporters"),
        *("begun", "dispatched", "ended", "scheduled", "unanswered"),
    )

    def __init__(self, scheduled: float, dispatched: float) -> None:
        self.scheduled, self.dispatched = scheduled, dispatched
        self.begun = 0.0
        self.ended = False  # its task has returned
        self.unanswered = True  # until a request of it has ended
        self._first_ended: float | None = None  # when its first request ended
        self._reporters: list[object]  # greenlets that reported its requests, from then on

    def lateness(self, now: float, service: float, start_time: Any, reporter: object) -> float:
        """Seconds that a request of it was sent late; 0 if it followed another request of it.

        Requests that are sent side by side are late alike: none of them waited for another.

        Args:
            now: When the request ended, monotonic seconds.
            service: How long it took, seconds.
            start_time: When it was sent, in seconds since the epoch, if its client says so.
            reporter: The greenlet that reports it.
        """
        self.unanswered = False
        late = self.begun - self.scheduled
        if self._first_ended is None:
            self._first_ended, self._reporters = now, [reporter]
            return late
        if isinstance(start_time, float):
            sent = now - (time.time() - start_time)
        else:  # what one greenlet reports one after another was sent so
            sent = now if reporter in self._reporters else now - service
        if reporter not in self._reporters:
            self._reporters.append(reporter)
        return 0.0 if sent >= self._first_ended else late


class Hook:
    """The `on_start` or `on_stop` of a user: its requests belong to no arrival."""

    ended = False


Origin = Arrival | Hook


def origin(greenlet: Any) -> Origin | None:
    """What a greenlet works for; None if no user spawned it, directly or not."""
    try:
        found: Origin | None = greenlet.spawn_tree_locals.get(_KEY)
    except AttributeError:  # the main greenlet, the hub, or a greenlet that gevent did not make
        return None
    return found


def is_hook_under_way(work: Origin | None) -> bool:
    """Whether it is a hook that has not ended."""
    return isinstance(work, Hook) and not work.ended


def work_for(greenlet: Any, work: Origin) -> None:
    """From now on a greenlet, and all that it spawns, work for an arrival or a hook."""
    # a dictionary of its own: that of the arrival before belongs to what that one spawned
    greenlet.spawn_tree_locals = {**(greenlet.spawn_tree_locals or {}), _KEY: work}


class working_for:
    """Within this context the current greenlet, and all that it spawns, work for a hook."""

    # no `contextmanager`: that sets an attribute of errors, which those of a scenario may refuse

    def __init__(self, work: Hook) -> None:
        self._work = work

    def __enter__(self) -> None:
        work_for(getcurrent(), self._work)

    def __exit__(self, *_: object) -> None:
        self._work.ended = True


def carry_into_thread_pools() -> None:
    """From now on, a job of a thread pool works for the arrival of whoever submitted it.

    Of the executors of `concurrent.futures` (with them `asyncio`) and of gevent's pools of native
    threads. May be called more than once.
    """
    for pool, submit in ((ThreadPoolExecutor, "submit"), (ThreadPool, "spawn")):
        plain = getattr(pool, submit)
        if not hasattr(plain, "lab_carries"):
            setattr(pool, submit, _carrying(plain))


def _carrying(plain: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(plain)
    def submit(pool: Any, job: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        if origin(submitter := getcurrent()) is None:
            return plain(pool, job, *args, **kwargs)
        carried = functools.partial(_run, submitter.spawn_tree_locals, job)
        return plain(pool, carried, *args, **kwargs)

    submit.lab_carries = True  # type: ignore[attr-defined]
    return submit


def _run(inherited: dict[str, Any], job: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    worker = getcurrent()
    own = getattr(worker, "spawn_tree_locals", None)
    worker.spawn_tree_locals = inherited
    try:
        return job(*args, **kwargs)
    finally:
        worker.spawn_tree_locals = own
