"""A package that is not installed."""

import locust_extras_that_nobody_has  # noqa: F401
from locust import HttpUser


class Visitor(HttpUser):
    pass
