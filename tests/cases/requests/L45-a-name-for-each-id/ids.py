"""Identifiers and timestamps stand in the path and nobody groups them: nearly every request has a name of its own."""
import itertools
import time

from locust import FastHttpUser, task

numbers = itertools.count()


class Shopper(FastHttpUser):
    wait_time = lambda self: 0.002  # noqa: E731

    @task
    def look(self):
        self.client.get(f"/item/{next(numbers)}?at={time.time_ns()}")
