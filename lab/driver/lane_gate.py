"""The gate of a lane: whether its users may begin tasks, and the clock of their think times.

Users keep their state and their connections while the gate is closed. Locust offers no hook for
this: in the process of a lane, the two methods of `TaskSet` that begin a task and wait for the next
one are replaced, and so is the clock of `constant_pacing` and `constant_throughput`.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from typing import Any

import gevent
from gevent.event import Event
from locust import TaskSet
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING

from lab.driver.user_cycles import UserCycles


class LaneGate:
    """Open at first. A closed gate holds users before their next task, never within one.

    The lane's time stands still between `stop_clock` and `open`. What is left of a think time then
    is waited for when it goes on, so that users do not all begin at once.

    Attributes:
        held_s: Of all users together, seconds that they waited at the gate before the clock was
            stopped for the last time.
        shortfall_s: By how many seconds the first cycles of all users together, since the gate was
            opened, were shorter than those that followed.
    """

    def __init__(self) -> None:
        self._passes, self._stands = Event(), Event()
        self._passes.set()
        self._is_open = True
        self._held: deque[Event] = deque()  # one of each user that waits at the gate
        self._idle = Event()
        self._in_task: set[Any] = set()  # greenlets
        self._held_since: list[float] = []
        self.held_s = 0.0
        self._stood_s = 0.0
        self._stands_since: float | None = None
        self._cycles = UserCycles()
        self.shortfall_s = 0.0

    def install(self) -> None:
        """Let the users of this process pass the gate, from their next task on."""
        execute = TaskSet.execute_next_task

        def execute_next_task(task_set: TaskSet) -> None:
            reporter = gevent.getcurrent()
            # a task that runs a task set of its own: that has the tasks, and this was no cycle
            if reporter not in self._in_task:
                self._come(reporter, task_set)
            self._leave(reporter)
            self._wait_until_open(task_set, reporter)
            self._in_task.add(reporter)
            try:
                execute(task_set)
            finally:
                self._leave(reporter)

        def sleep(_: TaskSet, seconds: float) -> None:
            self.sleep(seconds)

        TaskSet.execute_next_task = execute_next_task  # type: ignore[method-assign]
        TaskSet._sleep = sleep  # type: ignore[method-assign]
        # by name: in `locust.user`, `task` is the decorator
        for module in ("locust.user.wait_time", TaskSet.__module__):
            vars(sys.modules[module])["perf_counter"] = self.clock

    def open(self) -> None:
        """Let users begin tasks; the lane's time passes."""
        if self._stands_since is not None:
            self._stood_s += time.perf_counter() - self._stands_since
            self._stands_since = None
            self._stands.clear()
            self._passes.set()
            self._cycles.restart()
        self._is_open = True
        gevent.spawn(self._release)

    def close(self) -> None:
        """Let no user begin a task. Tasks under way go on."""
        self._is_open = False
        if self._in_task:
            self._idle.clear()
        else:
            self._idle.set()

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Whether the closed gate sees the end of all tasks in time."""
        return bool(self._idle.wait(timeout_s))

    def stop_clock(self) -> None:
        """From now on, no time passes."""
        if self._stands_since is None:
            now = self._stands_since = time.perf_counter()
            self.held_s = sum(now - since for since in self._held_since)
            self.shortfall_s = self._cycles.shortfall_s()
            self._held_since.clear()
            self._passes.clear()
            self._stands.set()

    def clock(self) -> float:
        """Seconds of the lane's own time, since any moment."""
        now = time.perf_counter() if self._stands_since is None else self._stands_since
        return now - self._stood_s

    def sleep(self, seconds: float) -> None:
        """Wait for so long in the lane's time."""
        if seconds <= 0:
            gevent.sleep(0)
            return
        due = self.clock() + seconds
        while (left_s := due - self.clock()) > 0:
            self._passes.wait()
            if not self._stands.wait(left_s):
                return

    def end_warm_up(self, warm_up_s: float) -> float | None:
        """Forget the cycles so far; returns their length in seconds, see `UserCycles.length_s`."""
        cycles, self._cycles = self._cycles, UserCycles()
        now = time.perf_counter()
        return cycles.length_s(now, since=now - warm_up_s / 2, seen_s=warm_up_s)

    def _leave(self, who: object) -> None:
        self._in_task.discard(who)
        if not self._in_task and not self._is_open:
            self._idle.set()

    def _release(self) -> None:
        """Let the users go one by one, so that nothing else of this process has to wait for all."""
        while self._is_open and self._held:
            self._held.popleft().set()
            gevent.sleep(0)

    def _wait_until_open(self, task_set: TaskSet, reporter: object) -> None:
        if self._is_open:
            return
        if self._stands_since is None:
            self._held_since.append(time.perf_counter())
        user = task_set.user
        user._state = LOCUST_STATE_WAITING  # Locust may end it here
        while not self._is_open:
            released = Event()
            self._held.append(released)
            released.wait()
        if user._state == LOCUST_STATE_STOPPING:
            raise StopUser
        user._state = LOCUST_STATE_RUNNING
        self._come(reporter, task_set)  # the first time since it was opened

    def _come(self, reporter: object, task_set: TaskSet) -> None:
        self._cycles.come(reporter, time.perf_counter(), type(task_set.user))
