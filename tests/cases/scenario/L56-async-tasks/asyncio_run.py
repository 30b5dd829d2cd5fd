"""A library that only knows asyncio, called from tasks: two loops at once in one thread."""
import asyncio

from locust import HttpUser, constant, task


class Shopper(HttpUser):
    wait_time = constant(0.05)

    async def both(self):
        await asyncio.sleep(0.02)
        self.client.get("/slow?ms=50", name="/item")

    @task
    def look(self):
        asyncio.run(self.both())
