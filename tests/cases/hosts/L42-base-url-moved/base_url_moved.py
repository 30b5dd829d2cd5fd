"""Each tenant has an address of its own: users move their client there when they start."""

from locust import HttpUser, constant, task

TENANTS = ["http://127.0.0.1:39827"]


class Tenant(HttpUser):
    wait_time = constant(0.2)

    def on_start(self):
        self.client.base_url = TENANTS[0]

    @task
    def look(self):
        self.client.get("/item")
