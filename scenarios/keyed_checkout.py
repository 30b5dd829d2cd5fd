"""Shoppers with full baskets who place every order under a key of its own.

An ordinary locustfile: `locust -f scenarios/keyed_checkout.py --host http://127.0.0.1:8000` runs
it without the lab.
"""

import random
import uuid

from locust import FastHttpUser, constant, task

SKUS = 10_000
CUSTOMERS = 1_000
LINES = 50  # as many as an order may have: its answer is about three kilobytes long


class Shopper(FastHttpUser):
    """One shopper: orders, waits for the answer, orders again."""

    wait_time = constant(1)

    @task
    def checkout(self) -> None:
        """Place an order; anything but 201 is an error."""
        lines = [
            {"sku": f"SKU-{sku}", "quantity": 1} for sku in random.sample(range(1, SKUS + 1), LINES)
        ]
        key = uuid.UUID(int=random.getrandbits(128), version=4)
        self.client.post(
            "/orders",
            json={"customer_id": random.randint(1, CUSTOMERS), "lines": lines},
            headers={"Idempotency-Key": str(key)},
        )
