"""Which task follows which is given by probabilities."""
from locust import HttpUser, MarkovTaskSet, constant, transition, transitions


class Visit(MarkovTaskSet):
    @transitions({"search": 3, "leave": 1})
    def home(self):
        self.client.get("/home")

    @transition("home")
    def search(self):
        self.client.get("/search")

    @transition("home")
    def leave(self):
        self.client.get("/goodbye")


class Visitor(HttpUser):
    wait_time = constant(0.1)
    tasks = [Visit]
