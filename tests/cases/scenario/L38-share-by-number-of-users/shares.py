"""Accounts are dealt out by how many users there are to be: taken from the options and from the runner."""
from locust import HttpUser, constant, events, task

ACCOUNTS = [f"account{n}" for n in range(12)]
DEALT = {}


@events.test_start.add_listener
def deal(environment, **_):
    users = environment.parsed_options.num_users
    assert environment.runner.target_user_count == users, "the runner is told another number"
    for number in range(users):
        DEALT[number] = ACCOUNTS[number :: users]
    print("dealt:", {number: len(share) for number, share in DEALT.items()})


class Owner(HttpUser):
    wait_time = constant(0.2)
    made = 0

    def on_start(self):
        self.mine = DEALT[Owner.made % len(DEALT)]
        Owner.made += 1

    @task
    def look(self):
        self.client.get(f"/{self.mine[0]}", name="/account")
