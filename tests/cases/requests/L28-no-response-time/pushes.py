"""Pushed messages have no response time: they are reported with `response_time=None`."""
import gevent
from locust import HttpUser, constant, task


class Listener(HttpUser):
    wait_time = constant(0.2)

    def on_start(self):
        self.inbox = gevent.spawn(self.receive)

    def on_stop(self):
        self.inbox.kill()

    def receive(self):
        while True:
            gevent.sleep(0.02)
            self.environment.events.request.fire(
                request_type="PUSH",
                name="price changed",
                response_time=None,
                response_length=12,
                exception=None,
                context=self.context(),
            )

    @task
    def page(self):
        self.client.get("/slow?ms=50", name="/page")
