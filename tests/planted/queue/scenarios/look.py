"""Visitors who ask again as soon as they have their answer."""

from locust import FastHttpUser, constant, task


class Visitor(FastHttpUser):
    """Asks, waits for the answer, asks again."""

    wait_time = constant(0)

    @task
    def look(self) -> None:
        """Ask for a place at the servers."""
        self.client.get("/")
