"""The server says how long it took; that, and not what the client waited, is put down as the response time."""
from locust import HttpUser, constant, task


class Shopper(HttpUser):
    wait_time = constant(0.1)

    @task
    def work(self):
        with self.client.get("/slow?ms=120", name="/work", catch_response=True) as answer:
            answer.request_meta["response_time"] = answer.json()["took_ms"]
            answer.success()
