"""A listener ends the task of whoever meets a failure, by an exception."""
from locust import HttpUser, constant, events, task
from locust.exception import RescheduleTask


@events.init.add_listener
def prepare(environment, **_):
    @environment.events.request.add_listener
    def give_up(exception, **_):
        if exception:
            raise RescheduleTask(exception)


class Shopper(HttpUser):
    wait_time = constant(0.1)

    @task
    def order(self):
        self.client.get("/odd?n=3", name="first")
        self.client.get("/item", name="only after a success")
