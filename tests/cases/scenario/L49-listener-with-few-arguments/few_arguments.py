"""A listener that takes four arguments only: it raises at every single request."""
from locust import HttpUser, constant, events, task

SEEN = []


@events.request.add_listener
def note(request_type, name, response_time, response_length):
    SEEN.append((name, response_time))


class Shopper(HttpUser):
    wait_time = constant(0.2)

    @task
    def look(self):
        self.client.get("/item")
