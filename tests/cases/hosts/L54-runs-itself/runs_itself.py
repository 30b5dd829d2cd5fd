"""Not meant for `locust -f`: the file makes an environment of its own and sends load when it is imported."""
import gevent
from locust import HttpUser, constant, events, task
from locust.env import Environment
from locust.log import setup_logging

setup_logging("INFO")


class Shopper(HttpUser):
    host = "http://127.0.0.1:39827"
    wait_time = constant(0.1)

    @task
    def look(self):
        self.client.get("/item")


environment = Environment(user_classes=[Shopper], events=events)
runner = environment.create_local_runner()
environment.events.init.fire(environment=environment, runner=runner, web_ui=None)
runner.start(2, spawn_rate=2)
gevent.spawn_later(1, runner.quit)
runner.greenlet.join()
print("of its own:", environment.stats.total.num_requests)
