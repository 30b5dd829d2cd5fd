"""Written for an older Locust: success and failure were two events."""
from locust import HttpUser, constant, events, task


def succeeded(request_type, name, response_time, response_length):
    print(name, response_time)


events.request_success.add_listener(succeeded)


class Shopper(HttpUser):
    wait_time = constant(0.2)

    @task
    def look(self):
        self.client.get("/item")
