"""Every way to wait that there is, in one file."""
import random

from locust import HttpUser, between, constant_pacing, constant_throughput, poisson, task


class Shopper(HttpUser):
    abstract = True

    @task
    def look(self):
        self.client.get("/slow?ms=40", name=type(self).__name__)


class Between(Shopper):
    wait_time = between(0.1, 0.3)


class Paced(Shopper):
    wait_time = constant_pacing(0.25)


class Throughput(Shopper):
    wait_time = constant_throughput(4)


class Random(Shopper):
    wait_time = poisson(5)


class OfItsOwn(Shopper):
    def wait_time(self):
        return random.expovariate(1 / 0.2)


class ByAttributes(Shopper):
    min_wait, max_wait = 100, 300  # milliseconds, as long ago: without effect today
