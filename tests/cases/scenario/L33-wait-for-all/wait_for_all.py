"""Nobody begins before all users are there."""
from gevent.event import Event
from locust import HttpUser, constant, events, task

ALL_THERE = Event()


@events.init.add_listener
def prepare(environment, **_):
    @environment.events.spawning_complete.add_listener
    def go(user_count, **_):
        ALL_THERE.set()


class Shopper(HttpUser):
    wait_time = constant(0.2)

    def on_start(self):
        ALL_THERE.wait()

    @task
    def look(self):
        self.client.get("/item")
