"""Listens to all that Locust fires, and says at the end what came in which order."""
from locust import HttpUser, constant, events, task

HEARD = []


def hear(name):
    def listener(**_):
        if name not in HEARD:
            HEARD.append(name)

    return listener


for hook in (
    "init_command_line_parser", "init", "test_start", "spawning_complete", "request", "user_error",
    "usage_monitor", "report_to_master", "worker_report", "heartbeat_sent", "cpu_warning", "reset_stats",
    "test_stopping", "test_stop", "quitting", "quit",
):  # fmt: skip
    getattr(events, hook).add_listener(hear(hook))


@events.quit.add_listener
def tell(exit_code, **_):
    print("heard:", " ".join(HEARD), "exit code:", exit_code)


class Shopper(HttpUser):
    wait_time = constant(0.3)

    @task(5)
    def look(self):
        self.client.get("/item")
