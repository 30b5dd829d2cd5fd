"""All users together keep one pace: how long each waits follows from what the runner says of their number."""
from locust import HttpUser, events, task

PER_SECOND = 10
runner = None


@events.init.add_listener
def remember(environment, **_):
    global runner
    runner = environment.runner


class Shopper(HttpUser):
    def wait_time(self):
        assert runner.state in ("spawning", "running"), runner.state
        return runner.user_count / PER_SECOND

    @task
    def look(self):
        self.client.get("/item")
