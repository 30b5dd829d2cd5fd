"""A token that is required, as CI passes it."""

import os

from locust import HttpUser, constant, task

TOKEN = os.environ["API_TOKEN"]


class Visitor(HttpUser):
    wait_time = constant(0.05)

    @task
    def visit(self):
        self.client.get("/look", headers={"Authorization": f"Bearer {TOKEN}"})
