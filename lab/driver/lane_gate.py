"""The gate of a lane: whether its users may begin tasks, and the clock of their think times.

Users keep their state and their connections while the gate is closed. Locust offers no hook for
this: in the process of a lane, the two methods of `TaskSet` that begin a task and wait for the next
one are replaced, and so is the clock of `constant_pacing` and `constant_throughput`.
"""

from __future__ import annotations

import math
import time
from collections import deque
from statistics import median
from typing import Any

import gevent
import locust.user.wait_time
from gevent.event import Event
from locust import TaskSet
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING


class LaneGate:
    """Open at first. A closed gate holds users before their next task, never within one.

    The lane's time stands still between `stop_clock` and `open`. What is left of a think time then
    is waited for when it goes on, so that users do not all begin at once.

    Attributes:
        held_s: Of all users together, seconds that they waited at the gate before the clock was
            stopped for the last time.
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
        self._begins: dict[Any, float] = {}  # of the latest task, by greenlet
        self._cycles: list[tuple[float, float]] = []  # when each ended, and how long it took
        self._notes_cycles = True

    def install(self) -> None:
        """Let the users of this process pass the gate, from their next task on."""
        execute = TaskSet.execute_next_task

        def execute_next_task(task_set: TaskSet) -> None:
            reporter = gevent.getcurrent()
            self._leave(reporter)  # a task that runs a task set of its own: that has the tasks
            self._wait_until_open(task_set)
            self._begin(reporter)
            try:
                execute(task_set)
            finally:
                self._leave(reporter)

        def sleep(_: TaskSet, seconds: float) -> None:
            self.sleep(seconds)

        TaskSet.execute_next_task = execute_next_task  # type: ignore[method-assign]
        TaskSet._sleep = sleep  # type: ignore[method-assign]
        vars(locust.user.wait_time)["perf_counter"] = self.clock

    def open(self) -> None:
        """Let users begin tasks; the lane's time passes."""
        if self._stands_since is not None:
            self._stood_s += time.perf_counter() - self._stands_since
            self._stands_since = None
            self._stands.clear()
            self._passes.set()
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

    def median_cycle(self, since: float = -math.inf) -> float | None:
        """Median of a user's time from one task's begin to the next, in seconds; counts no more.

        A cycle that has not ended counts if it is longer than the median of those that have. None
        if none has ended.

        Args:
            since: Monotonic seconds. Cycles that ended before count only if no later one has: the
                first requests to processes that have just started take longer.
        """
        self._notes_cycles = False
        if not self._cycles:
            return None
        late = [seconds for ended, seconds in self._cycles if ended >= since]
        cycles = late or [seconds for _, seconds in self._cycles]
        now, usual_s = time.monotonic(), median(cycles)
        unended = [now - began for began in self._begins.values()]
        return median([*cycles, *(each for each in unended if each > usual_s)])

    def _begin(self, who: object) -> None:
        self._in_task.add(who)
        if self._notes_cycles:
            now = time.monotonic()
            if (before := self._begins.get(who)) is not None:
                self._cycles.append((now, now - before))
            self._begins[who] = now

    def _leave(self, who: object) -> None:
        self._in_task.discard(who)
        if not self._in_task and not self._is_open:
            self._idle.set()

    def _release(self) -> None:
        """Let the users go one by one, so that nothing else of this process has to wait for all."""
        while self._is_open and self._held:
            self._held.popleft().set()
            gevent.sleep(0)

    def _wait_until_open(self, task_set: TaskSet) -> None:
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
