"""Users who ask the planted service for work without a pause."""

from locust import FastHttpUser, constant, task


class Worker(FastHttpUser):
    wait_time = constant(0)

    @task
    def work(self) -> None:
        self.client.get("/work")
