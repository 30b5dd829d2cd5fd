"""Accounts come from a file beside this one, row by row; when the rows are out the user stops."""
import csv
from pathlib import Path

from locust import HttpUser, constant, task
from locust.exception import StopUser

ROWS = csv.DictReader(Path(__file__).with_name("accounts.csv").open(newline=""))


class Shopper(HttpUser):
    wait_time = constant(0.2)

    @task
    def log_in(self):
        row = next(ROWS, None)
        if row is None:
            raise StopUser
        self.client.post("/login", json=dict(row))
