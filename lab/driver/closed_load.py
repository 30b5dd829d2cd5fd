"""A closed load: a fixed number of users, each of which waits for its answer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import gevent
from gevent.event import Event
from locust import User

from lab.driver.connections import disconnect
from lab.driver.locust_environment import TrialRunner, UserGreenlet
from lab.driver.scenario_faults import ScenarioFaults
from lab.driver.source_location import of_error
from lab.driver.watched_user import WatchedUser
from lab.driver.worker_share import ALL, ShareDispatcher, part_of
from lab.driver_messages import ClosedLoadSpec, UnfinishedArrivals, WorkerShare


class ClosedLoadRunner:
    """Runs the users as Locust does."""

    def __init__(
        self,
        runner: TrialRunner,
        user_classes: list[type[User]],
        spec: ClosedLoadSpec,
        faults: ScenarioFaults,
        share: WorkerShare | None = None,
        phases: Iterator[float] | None = None,
        phase_limit_s: float = 0.0,
    ) -> None:
        """Nothing is started.

        Args:
            runner: Counts and stops the users.
            user_classes: Of the users, by their weights.
            spec: How many users there are.
            faults: Gets those of the scenario.
            share: Of a worker.
            phases: Of its think time, the part after which a user begins its first task; None: all
                begin at once.
            phase_limit_s: The longest time until then, seconds.
        """
        self._runner, self._total, self._faults = runner, spec.users, faults
        self._count = part_of(spec.users, share or ALL)  # of users that are started here
        if share is not None:
            dispatcher: Any = partial(ShareDispatcher, share=share)
            runner.environment.dispatcher_class = dispatcher
            runner.worker_index, runner.worker_count = share.index, share.count
        self._users: list[WatchedUser] = []
        # of several workers, none may load before the others: what it sent would be in no frame
        self._begin = None if share is None else Event()
        runner.environment.user_classes = [
            WatchedUser.derive(
                each,
                lab_faults=faults,
                lab_begin=self._begin,
                lab_phases=phases,
                lab_phase_limit_s=phase_limit_s,
            )
            for each in user_classes
        ]

    def start(self) -> None:
        """Start all users; returns when they run, each having ended its `on_start`.

        Raises whatever a user class raises when a user is made.
        """
        self._runner.start(self._total, spawn_rate=self._total)
        spawning = self._runner.spawning_greenlet
        assert spawning is not None
        ended = spawning.get()
        if isinstance(ended, gevent.GreenletExit):  # by a listener, or as the test was stopped
            self._faults.ended_itself("no more users were started", of_error(ended))
            return
        greenlets = list(self._runner.user_greenlets)
        self._users = [each.args[0] for each in greenlets if each.args]
        if len(self._users) < self._count and not self._faults.any:
            name = "/".join(each.__name__ for each in self._runner.user_classes)
            self._faults.user_ended(name, None, UserGreenlet.last_killed_at)
        while not self._faults.over.is_set() and any(
            user.greenlet is not None and not user.greenlet.dead and not user.lab_started
            for user in self._users
        ):
            gevent.sleep(0.005)

    def begin(self, started: float) -> None:
        """Let the users of a worker begin their tasks; those of a single process have begun."""
        if self._begin is not None:
            self._begin.set()

    def arrivals(self, until: float) -> None:
        """None: users of a closed load have no schedule."""

    def end(self) -> None:
        """Nothing: the users alone make the load."""

    def disconnect(self) -> None:
        """Close the connections of all users, after they have ended."""
        for user in self._users:
            disconnect(user)

    def unfinished(self) -> UnfinishedArrivals:
        """None: users of a closed load have no schedule."""
        return UnfinishedArrivals()
