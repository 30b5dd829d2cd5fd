"""Publish and forget: a thread of the client sends what is queued, and its callback reports it."""
import http.client
import queue
import threading
import time
from urllib.parse import urlsplit

from locust import User, constant, task


class Broker:
    """A client in the manner of message brokers: a loop of its own, and callbacks."""

    def __init__(self, host):
        self.where = urlsplit(host)
        self.todo = queue.Queue()
        self.on_published = None

    def loop_start(self):
        threading.Thread(target=self._loop, daemon=True).start()

    def publish(self, topic):
        self.todo.put((topic, time.perf_counter()))

    def _loop(self):
        line = http.client.HTTPConnection(self.where.hostname, self.where.port, timeout=2)
        while True:  # nobody ends it
            topic, queued = self.todo.get()
            line.request("POST", f"/slow?ms=40&topic={topic}", body=b"{}")
            line.getresponse().read()
            self.on_published(topic, queued)


class Device(User):
    wait_time = constant(0.1)

    def on_start(self):
        self.broker = Broker(self.host)
        self.broker.on_published = self.published
        self.broker.loop_start()

    def published(self, topic, queued):
        self.environment.events.request.fire(
            request_type="PUB",
            name=topic,
            response_time=(time.perf_counter() - queued) * 1000,
            response_length=0,
            exception=None,
            context={},
        )

    @task
    def report(self):
        self.broker.publish("temperature")
