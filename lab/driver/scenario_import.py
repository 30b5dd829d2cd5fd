"""The scenario: a locustfile, imported and checked against the kind of its load."""

from __future__ import annotations

from pathlib import Path

from locust import User
from locust.util.load_locustfile import load_locustfile

from lab.driver.import_guard import no_load_at_import
from lab.driver.open_user_rules import nested_task_set
from lab.driver.user import OpenHttpUser


def load(path: Path, open_load: bool) -> list[type[User]]:
    """Import a locustfile; returns its user classes.

    Raises:
        ValueError: If its users cannot generate this kind of load; whatever its import raises.
    """
    with no_load_at_import():
        users, shapes = load_locustfile(str(path))
    if shapes:
        raise ValueError("a LoadTestShape would override the hypothesis's load; remove it")
    if not users:
        raise ValueError("no user class: define a class that derives from locust.HttpUser")
    users = {name: user for name, user in users.items() if user.weight > 0 or user.fixed_count > 0}
    if not users:
        raise ValueError("every user class has a weight of 0")
    for name, user in users.items():
        if open_load:
            _check_open_load(name, user)
        elif issubclass(user, OpenHttpUser):
            raise ValueError(
                f"{name} is an OpenHttpUser, a source of arrivals, and the load is of `users`, who "
                "wait for their answers: derive it from FastHttpUser, or give the load a `rate`"
            )
    return list(users.values())


def _check_open_load(name: str, user: type[User]) -> None:
    if user.fixed_count:
        raise ValueError(
            f"{name} has a fixed_count, a number of users; an open load has arrivals, which "
            "classes share by their weight"
        )
    if (nested := nested_task_set(user)) is not None:
        raise ValueError(nested)
