"""The file brings a load of its own, by way of a base class."""
from locust import HttpUser, LoadTestShape, constant, task


class Stairs(LoadTestShape):
    abstract = True
    steps: list[tuple[int, int]] = []

    def tick(self):
        for until, users in self.steps:
            if self.get_run_time() < until:
                return users, users
        return None


class Morning(Stairs):
    abstract = False
    steps = [(1, 1), (2, 3)]


class Shopper(HttpUser):
    wait_time = constant(0.1)

    @task
    def look(self):
        self.client.get("/item")
