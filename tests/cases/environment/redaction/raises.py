"""An error at import that quotes the token."""

import os

from locust import HttpUser

raise ValueError(f"no use for {os.environ['API_TOKEN']}")


class Visitor(HttpUser):
    pass
