"""Shoppers who put one to three articles in the basket and check out.

An ordinary locustfile: `locust -f scenarios/checkout.py --host http://127.0.0.1:8000` runs it
without the lab.
"""

import random

from locust import FastHttpUser, constant, task

SKUS = 10_000
CUSTOMERS = 1_000
THINK_S = 0.25  # a pause between two orders, the same for everyone


class Shopper(FastHttpUser):
    """One shopper: orders, waits for the answer, thinks, orders again."""

    wait_time = constant(THINK_S)

    @task
    def checkout(self) -> None:
        """Place an order; anything but 201 is an error."""
        lines = [
            {"sku": f"SKU-{random.randint(1, SKUS)}", "quantity": 1}
            for _ in range(random.randint(1, 3))
        ]
        self.client.post(
            "/orders", json={"customer_id": random.randint(1, CUSTOMERS), "lines": lines}
        )
