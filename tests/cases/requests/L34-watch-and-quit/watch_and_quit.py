"""A watcher looks at the statistics and ends the test when too much fails."""
import gevent
from locust import HttpUser, constant, events, task
from locust.runners import STATE_CLEANUP, STATE_STOPPED, STATE_STOPPING


def watch(environment):
    while environment.runner.state not in (STATE_STOPPING, STATE_STOPPED, STATE_CLEANUP):
        gevent.sleep(0.5)
        share = environment.runner.stats.total.fail_ratio
        if share > 0.2:
            print(f"{share:.0%} failed: enough")
            environment.runner.quit()
            return


@events.init.add_listener
def start_watching(environment, **_):
    gevent.spawn(watch, environment)


class Shopper(HttpUser):
    wait_time = constant(0.1)

    @task
    def look(self):
        self.client.get("/odd?n=3", name="/item")
