"""A second client, for another service, which reports into the same event."""

from locust import HttpUser, constant, task
from locust.clients import HttpSession


class Shopper(HttpUser):
    wait_time = constant(0.2)

    def __init__(self, environment):
        super().__init__(environment)
        self.search = HttpSession(
            base_url="http://127.0.0.1:39827", request_event=environment.events.request, user=self
        )

    @task
    def look(self):
        self.client.get("/item")

    @task
    def find(self):
        self.search.get("/find")
