"""The tasks are imported inside a function, from a package that reads its data."""

from locust import HttpUser, constant, task


class Shopper(HttpUser):
    wait_time = constant(0.2)

    @task
    def look(self):
        from shop.visits import paths

        for path in paths():
            self.client.get(path)
