"""An option without which the file is not to run; it may come by the environment instead."""
from locust import HttpUser, constant, events, task


@events.init_command_line_parser.add_listener
def options(parser):
    parser.add_argument("--backend", required=True, env_var="SHOP_BACKEND", choices=["sql", "files"])


class Shopper(HttpUser):
    wait_time = constant(0.2)

    @task
    def look(self):
        self.client.get(f"/{self.environment.parsed_options.backend}", name="/item")
