"""A closed load: a fixed number of users, each of which waits for its answer."""

from __future__ import annotations

from locust import User
from locust.runners import LocalRunner

from lab.driver.connections import disconnect
from lab.driver_messages import ClosedLoadSpec, UnfinishedArrivals


class ClosedLoadRunner:
    """Runs the users as Locust does."""

    def __init__(
        self, runner: LocalRunner, user_classes: list[type[User]], spec: ClosedLoadSpec
    ) -> None:
        self._runner, self._count = runner, spec.users
        self._users: list[User] = []
        runner.environment.user_classes = user_classes

    def start(self) -> None:
        """Start all users; returns when they run."""
        self._runner.start(self._count, spawn_rate=self._count)
        assert self._runner.spawning_greenlet is not None
        self._runner.spawning_greenlet.get()
        self._users = [
            greenlet.args[0] for greenlet in self._runner.user_greenlets if greenlet.args
        ]

    def begin(self, started: float) -> None:
        """Nothing: the users are loading already."""

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
