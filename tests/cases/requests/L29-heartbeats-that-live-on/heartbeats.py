"""Each user starts a heartbeat in the background, and nobody ever ends it."""
import gevent
from locust import HttpUser, constant, task


class Player(HttpUser):
    wait_time = constant(0.3)

    def on_start(self):
        gevent.spawn(self.beat)

    def beat(self):
        while True:
            self.client.post("/alive", name="heartbeat")
            gevent.sleep(0.1)

    @task
    def move(self):
        self.client.get("/move")
