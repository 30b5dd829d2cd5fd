"""Locust's environment and runner in the driver's process: one for all trials, on `locust.events`.

Listeners that are added during a trial, by the lab or by the scenario, are removed at its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import locust
from locust.env import Environment
from locust.event import EventHook
from locust.runners import LocalRunner

Listener = Callable[..., Any]


class TrialEventHook(EventHook):
    """An event that has the same listeners after a trial as before it."""

    def __init__(self) -> None:
        super().__init__()
        self._in_trial = False
        self._added: list[Listener] = []
        self._removed: list[Listener] = []

    def add_listener(self, handler: Listener) -> Listener:
        """As `EventHook`."""
        if self._in_trial:
            self._added.append(handler)
        super().add_listener(handler)
        return handler

    def remove_listener(self, handler: Listener) -> None:
        """As `EventHook`."""
        super().remove_listener(handler)
        if handler in self._added:
            self._added.remove(handler)
        elif self._in_trial:
            self._removed.append(handler)

    def add_first(self, handler: Listener) -> None:
        """Add a listener that hears the event before all others, whatever those raise."""
        self._handlers.insert(0, handler)
        self._added.append(handler)

    def begin_trial(self) -> None:
        """Note what is added and removed from now on."""
        self._in_trial = True

    def end_trial(self) -> None:
        """Undo it."""
        self._in_trial = False
        for handler in self._added:
            super().remove_listener(handler)
        for handler in self._removed:
            super().add_listener(handler)
        self._added, self._removed = [], []


def new_runner() -> LocalRunner:
    """A runner in an environment whose events are `locust.events`, as under plain Locust.

    Call it before a scenario is imported: it replaces the events of `locust.events`.
    """
    for name in vars(locust.events):
        setattr(locust.events, name, TrialEventHook())
    environment = Environment()
    runner = environment.create_local_runner()
    # The runner's own listeners are on the events that it was made with. They get every event but
    # requests, of which they would make statistics: rounded percentiles, three times as costly as
    # the lab's recorder.
    own, environment.events = environment.events, locust.events
    for name, hook in vars(own).items():
        if name != "request":
            getattr(locust.events, name).add_listener(hook.fire)
    return runner


@contextmanager
def trial_listeners() -> Iterator[None]:
    """Remove at the end what was added to `locust.events`, and add again what was removed."""
    hooks = [hook for hook in vars(locust.events).values() if isinstance(hook, TrialEventHook)]
    for hook in hooks:
        hook.begin_trial()
    try:
        yield
    finally:
        for hook in hooks:
            hook.end_trial()
