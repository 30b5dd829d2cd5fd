"""Asks for nothing but the planted endpoint, as fast as it answers."""

from locust import FastHttpUser, constant, task


class Reader(FastHttpUser):
    wait_time = constant(0)

    @task
    def read(self) -> None:
        self.client.get("/planted")
