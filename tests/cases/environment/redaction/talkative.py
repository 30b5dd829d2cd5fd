"""Its token stands in names, errors and what it prints."""

import os

from locust import HttpUser, constant, task

TOKEN = os.environ["API_TOKEN"]
print("the token is", TOKEN)


class Visitor(HttpUser):
    wait_time = constant(0.05)

    @task
    def visit(self):
        self.client.get("/look", params={"token": TOKEN}, name=f"/look?token={TOKEN}")
        with self.client.get("/look", catch_response=True) as answer:
            answer.failure(f"refused {TOKEN}")
