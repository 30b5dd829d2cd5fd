"""Shoppers who ask what their basket costs, without pause."""

from __future__ import annotations

import random

from locust import task
from locust.contrib.fasthttp import FastHttpUser


class Shopper(FastHttpUser):
    """Asks for one basket after another."""

    @task
    def price(self) -> None:
        self.client.get(f"/baskets/{random.randrange(100)}/price", name="/baskets/price")
