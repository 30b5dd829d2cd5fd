"""Users of an open load: a scenario's own users, whose only task carries out arrivals.

An arrival is one task of the scenario. Locust's own loop runs it, so that errors and stopping are
as they always are; only the `wait_time` between tasks is not used.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gevent
from gevent.pool import Group
from locust import TaskSet, User

from lab.driver.arrival import Hook, working_for
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
        """Carry out the next arrival; waits until there is one."""
        arrival = self._pool.next_arrival(self.user)
        completed = True
        try:
            with working_for(arrival):
                task(self.user)
        except gevent.GreenletExit:
            completed = False
            if not self.user.lab_pausing:
                self._pool.interrupted.append(arrival.scheduled)
            raise
        finally:
            if completed and arrival.unanswered:
                self._pool.ended_unanswered.append(arrival)
            self._pool.under_way.discard(arrival)

    def wait(self) -> None:
        """Not between two arrivals."""
