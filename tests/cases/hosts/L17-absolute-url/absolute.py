"""Addresses are written out in full, as in many locustfiles (here: a server of this machine)."""

from locust import FastHttpUser, constant, task

API = "http://127.0.0.1:39827"


class Shopper(FastHttpUser):
    wait_time = constant(0.2)

    @task
    def look(self):
        self.client.get(f"{API}/", name="/look")
