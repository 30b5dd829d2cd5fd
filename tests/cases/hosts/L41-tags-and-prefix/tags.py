"""Tasks with tags, and a host with a prefix on the class; run without `--tags`."""

from locust import HttpUser, constant, tag, task


class Api(HttpUser):
    host = "http://127.0.0.1:39827/v1"
    wait_time = constant(0.1)

    @tag("cheap", "read")
    @task
    def get(self):
        self.client.get("/get/1")

    @tag("dear")
    @task
    def sleep(self):
        self.client.get("/slow?ms=60", name="/sleep")
