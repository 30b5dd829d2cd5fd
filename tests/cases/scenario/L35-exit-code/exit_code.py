"""The file has thresholds of its own and sets the exit code by them, when Locust quits."""
from locust import HttpUser, constant, events, task


@events.quitting.add_listener
def judge(environment, **_):
    total = environment.stats.total
    print(f"judged: {total.num_requests} requests, {total.fail_ratio:.2f} failed, p95 {total.get_response_time_percentile(0.95)}")
    if total.num_requests == 0 or total.fail_ratio > 0.05:
        environment.process_exit_code = 3


class Shopper(HttpUser):
    wait_time = constant(0.1)

    @task
    def look(self):
        self.client.get("/odd?n=4", name="/item")
