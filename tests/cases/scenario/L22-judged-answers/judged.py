"""What counts as a failure is judged by the scenario: by `catch_response`, `request` and `rest`."""
from locust import FastHttpUser, HttpUser, constant, task


class Buyer(HttpUser):
    wait_time = constant(0.1)

    @task
    def missing_is_fine(self):
        with self.client.request("GET", "/status?code=404", name="gone", catch_response=True) as answer:
            if answer.status_code == 404:
                answer.success()

    @task
    def empty_is_not(self):
        with self.client.get("/basket", catch_response=True) as answer:
            if "total" not in answer.json():
                answer.failure(answer)  # the answer itself as the message


class Machine(FastHttpUser):
    wait_time = constant(0.1)

    @task
    def checked(self):
        with self.rest("GET", "/stock") as answer:
            assert answer.js["path"] == "/stock"

    @task
    def fails_its_check(self):
        with self.rest("GET", "/price") as answer:
            assert answer.js["price"] > 0, "no price"
