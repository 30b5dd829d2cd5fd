"""Shoppers who check out without a pause, so that the processor binds."""

import random

from locust import FastHttpUser, constant, task


class Shopper(FastHttpUser):
    wait_time = constant(0)

    @task
    def checkout(self) -> None:
        lines = [{"sku": f"SKU-{random.randint(1, 10_000)}", "quantity": 1} for _ in range(2)]
        self.client.post("/orders", json={"customer_id": random.randint(1, 1_000), "lines": lines})
