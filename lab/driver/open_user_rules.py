"""What a user class needs in order to have open arrivals, under the lab and under plain Locust."""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from locust import User

from lab.stats.arrival_schedule import ArrivalProcess


def nested_task_set(user: type[User]) -> str | None:
    """A task set among the tasks of a class: in one, a user goes on by itself."""
    nested = next((task for task in user.tasks if isinstance(task, type)), None)
    if nested is None:
        return None
    return (
        f"{user.__name__} has the task set {nested.__name__}, in which a user stays; an "
        "arrival of an open load is one task: make it a method of the user with @task"
    )


def source_flaws(user: type[User]) -> Iterator[str]:
    """What keeps a class from being a source of arrivals under plain Locust, with its place."""
    yield from attribute_flaws(user)
    if (nested := nested_task_set(user)) is not None:
        yield f"{_place(user)}{nested}"
    if not user.tasks:
        yield f"{_place(user)}{user.__name__} has no task. Give it a method with @task"


def attribute_flaws(user: Any) -> Iterator[str]:
    """What is wrong with the attributes of a class, or of one of its users."""
    user_class = user if isinstance(user, type) else type(user)
    place = f"{_place(user_class)}{user_class.__name__}"
    rate, arrivals, most_users = user.rate, user.arrivals, user.most_users
    if not _is_number(rate) or not 0 < float(rate) < math.inf:
        yield f"{place}: `rate` is {rate!r}. Write a number of arrivals a second above 0" + (
            ", or weight = 0 to leave the class out" if _is_number(rate) and rate == 0 else ""
        )
    if arrivals not in get_args(ArrivalProcess):
        known = " or ".join(repr(each) for each in get_args(ArrivalProcess))
        yield f"{place}: `arrivals` is {arrivals!r}. Write {known}"
    whole = isinstance(most_users, numbers.Integral) and not isinstance(most_users, bool)
    if not whole or int(most_users) < 1:
        yield f"{place}: `most_users` is {most_users!r}. Write a whole number of at least 1"


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _place(user: type[User]) -> str:
    try:
        _, line = inspect.getsourcelines(user)
        return f"{Path(inspect.getfile(user)).name}, line {line}: "
    except (OSError, TypeError):  # a class that was not read from a file
        return ""
