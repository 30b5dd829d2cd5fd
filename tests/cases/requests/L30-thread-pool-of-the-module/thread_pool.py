"""The parts of a page are fetched by a pool of threads that all users share and that outlives each task."""
from concurrent.futures import ThreadPoolExecutor

from locust import FastHttpUser, constant, task

FETCHERS = ThreadPoolExecutor(8)


class Browser(FastHttpUser):
    wait_time = constant(0.1)

    @task
    def page(self):
        parts = [FETCHERS.submit(self.client.get, f"/slow?ms=200&part={n}", name="part") for n in range(2)]
        for part in parts:
            part.result()
