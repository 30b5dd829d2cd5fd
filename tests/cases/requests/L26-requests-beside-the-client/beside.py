"""Half of the traffic goes by a `requests.Session` of one's own, which Locust does not see."""
import requests
from locust import HttpUser, constant, task


class Shopper(HttpUser):
    wait_time = constant(0.2)

    def on_start(self):
        self.quiet = requests.Session()

    @task
    def look(self):
        self.quiet.get(self.host + "/slow?ms=30", timeout=2)  # sent to the arm, counted nowhere
        self.client.get("/item")
