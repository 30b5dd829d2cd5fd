"""A service without HTTP in the manner of gRPC: the calls of a stub are measured by the event's own helper."""
import time
import urllib.request

from locust import User, constant, task


class Refused(Exception):
    """The service said no."""


class Stub:
    def __init__(self, host):
        self.host = host
        self.calls = 0

    def greet(self):
        self.calls += 1
        with urllib.request.urlopen(self.host + "/slow?ms=20", timeout=2) as answer:
            body = answer.read()
        if self.calls % 4 == 0:
            raise Refused("unavailable")
        return body


class Caller(User):
    wait_time = constant(0.1)

    def on_start(self):
        self.stub = Stub(self.host)

    @task
    def greet(self):
        with self.environment.events.request.measure("grpc", "/shop.Greeter/Greet") as report:
            report["response_length"] = len(self.stub.greet())
        time.sleep(0)
