"""The quick client with its options set on the class; one of them misspelt, as one finds it."""
from locust import FastHttpUser, constant, task


class Reader(FastHttpUser):
    wait_time = constant(0.2)
    connection_timeout = 2.0
    network_timeout = 0.3
    max_retries = 0
    max_redirects = 1
    insecure = True
    concurrency = 4
    default_headers = {"X-Shop": "north"}
    conection_timeout = 1.0  # no such option: nobody says so

    @task(3)
    def page(self):
        self.client.get("/page")

    @task
    def report(self):
        self.client.get("/slow?ms=800", name="/report")  # longer than network_timeout: fails, unanswered
