"""Users of an open load: a scenario's own users, whose only task carries out arrivals.

An arrival is one task of the scenario. One follows another until a task raises or Locust stops the
user: that is left to Locust's own loop, so that it is as always. The `wait_time` between tasks is
not used.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gevent
from gevent.hub import Waiter
from gevent.pool import Group
from locust import TaskSet, User
from locust.user.task import LOCUST_STATE_STOPPING

from lab.driver.arrival import Hook, work_for, working_for
from lab.driver.connections import connect
from lab.driver.source_location import of_frame
from lab.driver.watched_user import WatchedUser

if TYPE_CHECKING:
    from lab.driver.user_pool import UserPool


class ArrivalUser(WatchedUser):
    """Mixed into the user classes of a scenario by `derive`, with the pool as `lab_pool`."""

    abstract = True
    lab_pool: UserPool
    lab_idle = False  # waits for an arrival
    lab_waiter: Waiter | None = None  # by which it gets the next one; None before the first
    lab_pausing = False  # waits within a task, as the task itself asked for

    def start(self, group: Group) -> gevent.Greenlet:
        """As any user, also if its class would start otherwise (`OpenHttpUser`)."""
        greenlet: gevent.Greenlet = User.start(self, group)
        return greenlet

    def stop(self, force: bool = False) -> bool:
        """As any user; one that is idle has no task to finish first."""
        self.lab_stopped_at = of_frame(sys._getframe().f_back)
        return bool(User.stop(self, force or self.lab_idle))

    def on_start(self) -> None:
        """Connect and do what the scenario does; then arrivals take the place of its tasks."""
        with self.lab_pool.connecting:
            connect(self)
        with working_for(Hook()):
            super().on_start()
        if not self.tasks:
            raise ValueError(f"{type(self).__name__} has no task")
        arrivals = ArrivalTasks(self, self.lab_pool, self.tasks)
        self.tasks = [lambda _: arrivals.run()]

    def on_stop(self) -> None:
        """As the scenario has it."""
        with working_for(Hook()):
            super().on_stop()

    def wait(self) -> None:
        """A pause within a task, in which Locust may stop the user at any time."""
        self.lab_pausing = True
        super().wait()
        self.lab_pausing = False


class ArrivalTasks(TaskSet):
    """Draws one of the scenario's tasks for each arrival."""

    user: ArrivalUser

    def __init__(
        self, user: ArrivalUser, pool: UserPool, tasks: list[TaskSet | Callable[..., Any]]
    ) -> None:
        super().__init__(user)
        self.tasks = tasks
        self._pool = pool

    def get_next_task(self) -> Any:
        """One of the tasks at random."""
        return self.tasks[0] if len(self.tasks) == 1 else random.choice(self.tasks)

    def execute_task(self, task: Callable[[User], Any]) -> None:
        """Carry out arrivals, waiting for each, until one raises or the user is to stop.

        Locust's own loop makes five calls between two tasks, as much as all that is here.
        """
        user, pool, greenlet = self.user, self._pool, gevent.getcurrent()
        while user._state != LOCUST_STATE_STOPPING:
            arrival = pool.next_arrival(user)
            completed = True
            try:
                work_for(greenlet, arrival)
                task(user)
            except gevent.GreenletExit:
                completed = False
                if not user.lab_pausing:
                    pool.interrupted.append(arrival.scheduled)
                raise
            finally:
                arrival.ended = True
                if completed and arrival.unanswered:
                    pool.ended_unanswered.append(arrival)
                pool.under_way.discard(arrival)
            task = self.get_next_task()

    def wait(self) -> None:
        """Not between two arrivals."""
