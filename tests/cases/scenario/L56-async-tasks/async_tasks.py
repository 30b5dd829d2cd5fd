"""Tasks as coroutines: Locust calls them and awaits nothing."""
import asyncio

from locust import HttpUser, constant, task


class Shopper(HttpUser):
    wait_time = constant(0.1)

    @task
    async def look(self):
        await asyncio.sleep(0.05)
        self.client.get("/item")
