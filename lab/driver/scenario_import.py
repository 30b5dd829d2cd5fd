"""The scenario: a locustfile, imported once, and checked against the kind of its load.

Every trial runs in a fork of the process that imported it. What a fork cannot inherit is refused.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import locust
from locust import TaskSet, User
from locust.util.load_locustfile import load_locustfile

from lab.driver.import_guard import (
    RefusedScenarioError,
    refuse_requests_at_import,
    refuse_what_no_fork_inherits,
    refused,
    without_load,
)
from lab.driver.locust_environment import event
from lab.driver.open_user_rules import nested_task_set
from lab.driver.trial_process import open_descriptors
from lab.driver.user import OpenArrivals, OpenHttpUser


@dataclass(frozen=True)
class Scenario:
    """An imported locustfile."""

    path: Path
    classes: list[type[User]]
    open_load: bool
    files: frozenset[int]  # descriptors of regular files that the import has left open


def load(path: Path, open_load: bool) -> Scenario:
    """Import a locustfile.

    Raises:
        RefusedScenarioError: If its users cannot generate this kind of load, or its import left
            something behind that a trial cannot inherit. Besides, whatever its import raises.
    """
    before = open_descriptors()
    sys.dont_write_bytecode = True  # it could be older than an edit within the same second
    users, shapes = without_load(lambda: load_locustfile(str(path)))
    if shapes:
        raise refused(
            "a LoadTestShape would override the hypothesis's load; remove it", type(shapes[0])
        )
    if not users:
        raise RefusedScenarioError(
            "no user class, and functions for pytest are not run: define a class that derives "
            "from locust.HttpUser"
        )
    users = {name: user for name, user in users.items() if user.weight > 0 or user.fixed_count > 0}
    if not users:
        raise RefusedScenarioError(
            "every user class has a weight of 0: give one of them a `weight` of 1"
        )
    for name, user in users.items():
        _refuse_coroutines(name, user)
        if open_load:
            _check_open_load(name, user)
        elif issubclass(user, OpenArrivals):
            kind = "OpenHttpUser" if issubclass(user, OpenHttpUser) else "OpenLeanHttpUser"
            raise refused(
                f"{name} is an {kind}, a source of arrivals, and the load is of `users`, who "
                "wait for their answers: derive it from FastHttpUser or LeanHttpUser, or give the "
                "load a `rate`",
                user,
            )
    _refuse_async_listeners()
    refuse_requests_at_import()
    files = refuse_what_no_fork_inherits(before)
    return Scenario(path, list(users.values()), open_load, files)


def _check_open_load(name: str, user: type[User]) -> None:
    if user.fixed_count:
        raise refused(
            f"{name} has a fixed_count, a number of users; an open load has arrivals, which "
            "classes share by their weight",
            user,
        )
    if (nested := nested_task_set(user)) is not None:
        raise refused(nested, next(task for task in user.tasks if isinstance(task, type)))


def _refuse_coroutines(name: str, owner: type[User] | type[TaskSet]) -> None:
    """Locust calls tasks and hooks and awaits nothing: a coroutine would never run."""
    hooks = [getattr(owner, hook, None) for hook in ("on_start", "on_stop", "wait_time")]
    for function in [*owner.tasks, *filter(None, hooks)]:
        if isinstance(function, type):
            _refuse_coroutines(f"{name}.{function.__name__}", function)
        elif kind := _never_runs(function):
            raise refused(
                f"{function.__name__} of {name} is {kind}, which Locust calls and never runs: "
                "make it an ordinary function",
                function,
            )


def _refuse_async_listeners() -> None:
    for name in vars(locust.events):
        for listener in event(name)._handlers:
            if kind := _never_runs(listener):
                raise refused(
                    f"{listener.__name__}, a listener of the event {name}, is {kind}, which "
                    "Locust calls and never runs: make it an ordinary function",
                    listener,
                )


def _never_runs(function: Callable[..., Any]) -> str:
    function = inspect.unwrap(function)
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return "a coroutine function"
    return "a generator function" if inspect.isgeneratorfunction(function) else ""
