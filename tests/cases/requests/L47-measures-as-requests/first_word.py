"""A streamed answer yields three rows: the request, the time to its first word, and words a second."""
import time

from locust import HttpUser, constant, task


class Reader(HttpUser):
    wait_time = constant(0.1)

    def note(self, name, value):
        self.environment.events.request.fire(
            request_type="METRIC", name=name, response_time=value, response_length=0, exception=None, context={}
        )

    @task
    def ask(self):
        began, first, words = time.perf_counter(), None, 0
        with self.client.post("/stream?parts=6&ms=20", name="/ask", stream=True, catch_response=True) as answer:
            for line in answer.iter_lines():
                if line:
                    first = first or time.perf_counter()
                    words += 1
        self.note("first word", (first - began) * 1000)
        self.note("words a second", words / (time.perf_counter() - began))  # not a time at all
