"""Inherited tasks, an abstract base, one class of fixed number and one that is weighted away."""
from locust import HttpUser, constant, task


class Visitor(HttpUser):
    abstract = True
    wait_time = constant(0.1)

    @task(3)
    def home(self):
        self.client.get("/home")


class Buyer(Visitor):
    weight = 4

    @task
    def buy(self):
        self.client.post("/orders", json={})


class Admin(Visitor):
    fixed_count = 1

    @task(9)
    def audit(self):
        self.client.get("/audit")


class Robot(Visitor):
    weight = 0

    @task
    def crawl(self):
        self.client.get("/robots.txt")
