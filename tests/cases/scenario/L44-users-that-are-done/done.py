"""Every user does its round a few times and is done."""
from locust import HttpUser, SequentialTaskSet, constant, task
from locust.exception import RescheduleTask, StopUser


class Round(SequentialTaskSet):
    def on_start(self):
        self.turns = 0

    @task
    def look(self):
        if self.client.get("/odd?n=5", name="/item").status_code != 200:
            raise RescheduleTask

    @task
    def count(self):
        self.turns += 1
        if self.turns == 4:
            raise StopUser


class Shopper(HttpUser):
    wait_time = constant(0.1)
    tasks = [Round]
