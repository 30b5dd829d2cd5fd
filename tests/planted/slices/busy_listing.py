"""Readers of the newest orders, without a pause; each has placed some of them before."""

import random

from locust import FastHttpUser, constant, task

ORDERS = 25  # of each reader


class Reader(FastHttpUser):
    wait_time = constant(0)

    def on_start(self) -> None:
        for _ in range(ORDERS):
            lines = [{"sku": f"SKU-{random.randint(1, 10_000)}", "quantity": 1} for _ in range(3)]
            order = {"customer_id": random.randint(1, 1_000), "lines": lines}
            self.client.post("/orders", json=order)

    @task
    def read(self) -> None:
        self.client.get("/orders?limit=20", name="/orders")
