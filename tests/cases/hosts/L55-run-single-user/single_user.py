"""A guard at the end for debugging, logging of its own, and much that is printed."""

import logging

from locust import HttpUser, constant, run_single_user, task
from locust.log import setup_logging

setup_logging("DEBUG")
log = logging.getLogger("shop")
print('{"event": "closed"}')  # looks like a message of somebody's protocol


class Shopper(HttpUser):
    wait_time = constant(0.2)

    @task
    def look(self):
        answer = self.client.get("/item")
        log.info("got %s", answer.status_code)
        print(answer.text)


if __name__ == "__main__":
    Shopper.host = "http://127.0.0.1:39827"
    run_single_user(Shopper)
