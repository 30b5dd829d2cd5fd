"""What is asked for is fetched once, when the test starts, and kept in a global."""
import random

import requests
from locust import HttpUser, constant, events, task

SKUS = []


@events.test_start.add_listener
def fetch(environment, **_):
    answer = requests.get(f"{environment.host}/catalogue", timeout=3)
    SKUS.extend(answer.json()["skus"])  # grows from start to start
    assert len(SKUS) == 3, f"{len(SKUS)} articles: the test was started more than once"


class Shopper(HttpUser):
    wait_time = constant(0.2)

    @task
    def look(self):
        self.client.get(f"/item/{random.choice(SKUS)}", name="/item")
