"""A closed load: so many users, each of whom waits for its answer before it goes on."""

from __future__ import annotations

import gevent.event
from locust import User
from locust.runners import Runner

from lab.driver_protocol import UnfinishedArrivals


class ClosedLoadRunner:
    """Locust as it is."""

    def __init__(self, runner: Runner, users: int) -> None:
        self._runner, self._count = runner, users

    def start(self) -> list[User]:
        """Have all users running; who they are."""
        spawned = gevent.event.Event()
        self._runner.environment.events.spawning_complete.add_listener(lambda **_: spawned.set())
        self._runner.start(self._count, spawn_rate=self._count)
        spawned.wait()
        return [greenlet.args[0] for greenlet in self._runner.user_greenlets if greenlet.args]

    def begin(self, started: float) -> None:
        """They have begun already."""

    def arrivals(self, until: float) -> None:
        """None: users of a closed load have no schedule."""

    def end(self) -> None:
        """There is nothing to end but the users."""

    def unfinished(self) -> UnfinishedArrivals:
        """None: users of a closed load have no schedule."""
        return UnfinishedArrivals()
