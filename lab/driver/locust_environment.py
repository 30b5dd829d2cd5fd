"""Locust's environment, events and runner, as `locust --headless` has them, for one trial.

They see what Locust would only log, or not notice: listeners that raise or hang, and a scenario
that ends the test itself.
"""

from __future__ import annotations

import math
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import gevent
import locust
from locust import User, argument_parser
from locust import log as locust_log
from locust.env import Environment
from locust.event import EventHook
from locust.exception import (
    InterruptTaskSet,
    RescheduleTask,
    RescheduleTaskImmediately,
    StopTest,
    StopUser,
)
from locust.runners import LocalRunner

from lab.driver.locust_statistics import LocustStatistics, ReadableEnvironment
from lab.driver.request_recorder import RequestRecorder
from lab.driver.scenario_faults import ScenarioFaults
from lab.driver.source_location import SourceLocation, of_frame, of_function
from lab.driver.stage_watch import StageWatch
from lab.driver_messages import DRAIN_S

LISTENERS_S = 20.0  # limit for all listeners of an event, but those that hear every request
_MAX_TRACEBACKS = 10  # of an event in the log: a listener may raise at every request
_FREQUENT = ("request", "user_error")
_CONTROL = (StopUser, StopTest, RescheduleTask, RescheduleTaskImmediately, InterruptTaskSet)

Listener = Callable[..., Any]


class OptionError(Exception):
    """The scenario's own command-line options cannot be parsed."""


class WatchedEventHook(EventHook):
    """An event whose listeners may not raise or hang unseen."""

    def __init__(self, name: str, faults: ScenarioFaults) -> None:
        super().__init__()
        self._name, self._faults = name, faults
        self.fired = self._raised = 0
        self.watch: StageWatch | None = None  # of the process; none while it imports

    def add_first(self, handler: Listener) -> None:
        """Add a listener that hears the event before all others, whatever those raise."""
        self._handlers.insert(0, handler)

    def fire(self, *, reverse: bool = False, **kwargs: Any) -> None:
        """As `EventHook`; an error is noted with its line. Control exceptions pass, as there."""
        self.fired += 1
        if self.watch is None or self._name in _FREQUENT:
            self._call(reverse, kwargs)
            return
        with self.watch.stage(f"listeners of the event {self._name}", LISTENERS_S):
            self._call(reverse, kwargs)

    def _call(self, reverse: bool, arguments: dict[str, Any]) -> None:
        for handler in self._handlers[::-1] if reverse else self._handlers.copy():
            try:
                handler(**arguments)
            except _CONTROL:
                raise
            except Exception as error:
                locust_log.unhandled_greenlet_exception = True
                self._raised += 1
                if self._raised <= _MAX_TRACEBACKS:
                    traceback.print_exc()
                # a listener that does not take the arguments has no frame in the traceback
                place = of_function(handler)
                self._faults.raised(error, place or f"in a listener of the event {self._name}")


def watch_events(faults: ScenarioFaults) -> None:
    """Replace the events of `locust.events`. Call it before the scenario is imported."""
    for name in vars(locust.events):
        setattr(locust.events, name, WatchedEventHook(name, faults))


def event(name: str) -> WatchedEventHook:
    """An event of `locust.events`."""
    hook = getattr(locust.events, name)
    assert isinstance(hook, WatchedEventHook)
    return hook


def limit_listeners(watch: StageWatch) -> None:
    """From now on, listeners have a time limit."""
    for name in vars(locust.events):
        event(name).watch = watch


class TrialEnvironment(ReadableEnvironment):
    """An environment that knows where its exit code was set."""

    exit_code_set_at: SourceLocation | None = None
    _exit_code: int | None = None

    @property
    def process_exit_code(self) -> int | None:
        """As under Locust: the exit code that the scenario wants."""
        return self._exit_code

    @process_exit_code.setter
    def process_exit_code(self, code: int | None) -> None:
        self._exit_code = code
        self.exit_code_set_at = of_frame(sys._getframe(1))


class UserGreenlet(gevent.Greenlet):
    """Of a user; notes where the scenario ends it."""

    killed_at: SourceLocation | None = None
    last_killed_at: ClassVar[SourceLocation | None] = None  # of any that may never have run

    def kill(self, *args: Any, **kwargs: Any) -> None:
        """As `Greenlet`."""
        self.killed_at = UserGreenlet.last_killed_at = of_frame(sys._getframe().f_back)
        super().kill(*args, **kwargs)


class TrialRunner(LocalRunner):
    """A runner that notes if anybody but the lab stops it."""

    def __init__(self, environment: Environment, faults: ScenarioFaults) -> None:
        super().__init__(environment)
        self._faults = faults
        self.user_greenlets.greenlet_class = UserGreenlet
        self.stopping = False  # the lab stops it, or has stopped it
        self.stop_began = math.inf  # when it began to, in monotonic seconds
        self.killed: set[gevent.Greenlet] = set()  # of users that hang

    @contextmanager
    def stopped_by_lab(self) -> Iterator[None]:
        """Within this and after it, users may end."""
        self.stopping = True
        self.stop_began = min(self.stop_began, time.monotonic())
        yield

    def stop(self) -> None:
        """As `LocalRunner`."""
        self._note_end("environment.runner.stop()")
        super().stop()

    def quit(self) -> None:
        """As `LocalRunner`."""
        self._note_end("environment.runner.quit()")
        super().quit()

    def _note_end(self, how: str) -> None:
        if not self.stopping:
            self._faults.ended_itself(how, of_frame(sys._getframe(2)))
            self.stopping = True


def new_environment(
    scenario: Path, classes: Sequence[type[User]], host: str, users: int | None
) -> TrialEnvironment:
    """An environment for one trial, on `locust.events`.

    Args:
        scenario: The locustfile.
        classes: Its user classes.
        host: To be loaded.
        users: Their number; None for an open load.

    Raises:
        OptionError: Its options cannot be parsed, or one that is required has no value.
    """
    options = _parse_options(scenario, host, users)
    by_name = {each.__name__: each for each in classes}
    return TrialEnvironment(
        user_classes=list(classes),
        events=locust.events,
        host=host,
        stop_timeout=DRAIN_S,
        parsed_options=options,
        locustfile=scenario.name,
        parsed_locustfiles=[str(scenario)],
        available_user_classes=by_name,  # type: ignore[arg-type]
        available_user_tasks={name: each.tasks for name, each in by_name.items()},
    )


def new_runner(environment: TrialEnvironment, faults: ScenarioFaults) -> TrialRunner:
    """A runner for the environment, whose statistics do not get the requests.

    Locust's statistics cost three times as much as the lab's recorder.
    """
    request = event("request")
    known = list(request._handlers)
    environment.runner = runner = TrialRunner(environment, faults)
    [log_request] = [each for each in request._handlers if each not in known]
    request.remove_listener(log_request)
    environment.log_request = log_request
    return runner


def watch_statistics(environment: TrialEnvironment, recorder: RequestRecorder) -> None:
    """Fill Locust's own statistics in this trial, as far as they are read."""
    statistics = LocustStatistics(
        environment, recorder.pending, lambda: event("request").add_first(environment.log_request)
    )
    recorder.add_to_statistics = statistics.add


def _parse_options(scenario: Path, host: str, users: int | None) -> Any:
    """What Locust's parser makes of the command line, with the scenario's own options.

    Files with options (`locust.conf`) are not read: what a run does is in its hypothesis.
    """
    parser = argument_parser.get_parser(default_config_files=[])

    def fail(message: str) -> NoReturn:
        raise OptionError(message)

    parser.error = fail  # type: ignore[method-assign]
    arguments = ["-f", os.fspath(scenario), "--headless", "--host", host]
    if users is not None:
        arguments += ["--users", str(users), "--spawn-rate", str(users)]
    return parser.parse_args(args=arguments)


def end_of_test(environment: TrialEnvironment) -> int:
    """Fire what Locust fires when it quits; returns the exit code it would end with."""
    runner = environment.runner
    assert isinstance(runner, TrialRunner)
    code: int | None
    with runner.stopped_by_lab():
        environment.events.quitting.fire(environment=environment, reverse=True)
        code = environment.process_exit_code
        if code is None:
            failed = len(runner.errors) or len(runner.exceptions)
            code = getattr(environment.parsed_options, "exit_code_on_error", 1) if failed else 0
            if not failed and locust_log.unhandled_greenlet_exception:
                code = 2
        runner.greenlet.kill(block=True)
        environment.events.quit.fire(exit_code=code)
    return code
