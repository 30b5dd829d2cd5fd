"""One address for all calls; the client's `request` is wrapped so that each is named by its method."""
import json

from locust import FastHttpUser, constant, task


class Caller(FastHttpUser):
    wait_time = constant(0.1)

    def __init__(self, environment):
        super().__init__(environment)
        plain = self.client.request

        def named(method, url, **options):
            if "data" in options:
                options["name"] = json.loads(options["data"])["call"]
            return plain(method, url, **options)

        self.client.request = named

    @task(2)
    def balance(self):
        self.client.post("/rpc", data=json.dumps({"call": "balance"}))

    @task
    def transfer(self):
        self.client.post("/rpc", data=json.dumps({"call": "transfer"}))
