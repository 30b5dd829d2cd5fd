"""Scenarios with one fault each: a clean locustfile, and a fault at one of its places.

What is left out, because the measurement is right all the same:

- What ends a user or the test where it ends anyway (`StopUser`, `GreenletExit`, `runner.quit()` and
  the like in `on_stop` and in the events after it): the window is over.
- `RescheduleTask` and `InterruptTaskSet` within tasks, and in listeners that tasks call:
  they are how Locust's tasks are left. Only a user without task sets cannot be interrupted.
- An exit code that the scenario sets: Locust's own way to judge a run. It is reported.
- A request to another host before the window or after it, as a log-in in `on_start`.
- Requests that Locust does not count (`requests.get`) beside those of the user's client, to another
  host: they fetch test data or tokens. To the arm, the gate `served` counts them.
- Greenlets that send to the arm for as long as a closed load lasts, and those that outlive the
  task of a closed load: they are part of the load, are counted as Locust counts them, and end with
  the trial. In an open load they belong to no arrival.
- An error kept in a `Future`, or in a greenlet of which somebody takes the value: it is the
  scenario's to look at.
- `host` of a user class, before a trial: the lab's host overrides it, as Locust's `--host` does.
- A listener of `usage_monitor` that waits or ends its greenlet: nothing else needs that greenlet.
- `user_error` apart from errors and hangs: a task has raised before it is fired.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

CLOSED, OPEN, TASK_SET = "closed", "open", "task set"

_FILE = '''\
import os
import queue
import signal
import sys
import threading
import time

import gevent
import locust.runners
import requests
from gevent.event import Event
from gevent.monkey import get_original
from locust import HttpUser, TaskSet, constant, events, task
from locust.clients import HttpSession
from locust.exception import InterruptTaskSet, RescheduleTask, StopTest, StopUser

OTHER = "{other}"
locust.runners.CPU_MONITOR_INTERVAL = 0.1  # of the event `usage_monitor`
ENVIRONMENTS = []
COUNT = [0]


class OddError(BaseException):
    """No Exception."""


def unseen(path, name):
    """Locust does not see this request."""
    return requests.get(OTHER + path)


class SealedError(Exception):
    """Takes no attributes."""

    def __setattr__(self, name, value):
        raise AttributeError(name)


class MuteError(Exception):
    """Has no text."""

    def __str__(self):
        raise ValueError("no text")


{import}


@events.init_command_line_parser.add_listener
def on_parser(parser, **_):
    {init_command_line_parser}


@events.init.add_listener
def on_init(environment, **_):
    ENVIRONMENTS.append(environment)
    {init}


@events.test_start.add_listener
def on_test_start(environment, **_):
    {test_start}


@events.spawning_complete.add_listener
def on_spawning_complete(user_count, **_):
    {spawning_complete}


@events.request.add_listener
def on_request(name, **_):
    if name != "/look":
        return
    {request}


@events.user_error.add_listener
def on_user_error(exception, **_):
    {user_error}


@events.usage_monitor.add_listener
def on_usage(**_):
    {usage_monitor}


@events.test_stopping.add_listener
def on_test_stopping(environment, **_):
    {test_stopping}


@events.test_stop.add_listener
def on_test_stop(environment, **_):
    {test_stop}


@events.quitting.add_listener
def on_quitting(environment, **_):
    {quitting}


@events.quit.add_listener
def on_quit(exit_code, **_):
    {quit}

'''
_USER = """
class Shopper(HttpUser):
    wait_time = constant(0.1)
    {class body}

    def __init__(self, environment):
        super().__init__(environment)
        {__init__}

    def on_start(self):
        {on_start}

    @task
    def look(self):
        self.client.get("/", name="/look")
        {task}

    def on_stop(self):
        {on_stop}
"""
_USER_OF_TASK_SET = """
class Browsing(TaskSet):
    {class body}

    def __init__(self, parent):
        super().__init__(parent)
        {__init__}

    def on_start(self):
        {on_start}

    @task
    def look(self):
        self.client.get("/", name="/look")
        {task}

    def on_stop(self):
        {on_stop}


class Shopper(HttpUser):
    wait_time = constant(0.1)
    tasks = [Browsing]
"""

IMPORT = ("import", "class body")  # when nothing has begun
PARSER = "init_command_line_parser"
USER = ("__init__", "on_start", "task", "on_stop")
BEFORE = ("init", "test_start", "spawning_complete")
DURING = ("request", "usage_monitor")
AFTER = ("test_stopping", "test_stop", "quitting", "quit")
HOOKS = (PARSER, *BEFORE, *DURING, *AFTER)
PLACES = (*IMPORT, *USER, *HOOKS, "user_error")
_LIVE = (*USER[:3], *BEFORE, *DURING)  # in which the test can be ended too early
_ALL = (*IMPORT, *USER, *HOOKS)
_ENDING = (*IMPORT, PARSER, *_LIVE[:-1])
_BLOCKING = tuple(place for place in _ALL if place != "usage_monitor")
_USERS = (CLOSED, OPEN)
_LOOK = 'self.client.get("/", name="/look")'


@dataclass(frozen=True)
class Fault:
    """Something that a scenario does wrong, and where."""

    name: str
    code: str
    places: tuple[str, ...]
    loads: tuple[str, ...] = (CLOSED, OPEN, TASK_SET)
    shows: str = ""  # the line at which it shows, if that is not its own


@dataclass(frozen=True)
class Mutant:
    """A scenario with a fault."""

    place: str
    fault: str
    load: str
    text: str  # with `{other}` for the URL of another server
    lines: range  # of the fault

    @property
    def key(self) -> str:
        """Its name."""
        return f"{self.fault}, {self.place}, {self.load}"


def _faults() -> Iterator[Fault]:
    yield Fault("error", 'raise RuntimeError("boom")', (*_ALL, "user_error"))
    yield Fault("no Exception", 'raise OddError("boom")', _ALL)
    yield Fault("KeyboardInterrupt", "raise KeyboardInterrupt", _ALL)
    yield Fault("error without attributes", 'raise SealedError("boom")', _ALL)
    yield Fault("error without text", "raise MuteError", _ALL)
    group = 'raise ExceptionGroup("both", [ValueError("one"), KeyError("two")])'
    yield Fault("group of errors", group, _ALL)
    yield Fault("GreenletExit", "raise gevent.GreenletExit", _ENDING)
    yield Fault("StopUser", "raise StopUser", _ENDING)
    yield Fault("StopTest", 'raise StopTest("enough")', (*IMPORT, PARSER, *_LIVE))
    hooks = (*IMPORT, PARSER, "__init__", *BEFORE, "usage_monitor")
    yield Fault("InterruptTaskSet", "raise InterruptTaskSet", hooks, _USERS)
    yield Fault("InterruptTaskSet", "raise InterruptTaskSet", ("request",), (CLOSED,))
    yield Fault("RescheduleTask", "raise RescheduleTask", hooks, _USERS)

    yield Fault("sleep", "time.sleep(1000)", (*_BLOCKING, "user_error"))
    yield Fault("event never set", "Event().wait()", _BLOCKING)
    yield Fault("busy loop", "while True:\n    COUNT[0] += 1", _ALL, (CLOSED,))
    yield Fault("native sleep", 'get_original("time", "sleep")(1000)', _ALL)
    thread = "thread = threading.Thread(target=time.sleep, args=(1000,))\nthread.start()\n"
    yield Fault("thread joined", thread + "thread.join()", _BLOCKING, (CLOSED,))
    lock = "lock = threading.Lock()\nlock.acquire()\nlock.acquire()"
    yield Fault("lock taken twice", lock, _BLOCKING, (OPEN,))
    yield Fault("empty queue", "queue.Queue().get()", _BLOCKING, (OPEN,))
    again = "while True:\n    try:\n        time.sleep(1000)\n    except BaseException:\n        0"
    yield Fault("sleep that cannot be ended", again, _BLOCKING, (CLOSED, OPEN))

    yield Fault("runner.quit()", "ENVIRONMENTS[-1].runner.quit()", _LIVE)
    yield Fault("runner.stop()", "ENVIRONMENTS[-1].runner.stop()", _LIVE)
    yield Fault("sys.exit(3)", "sys.exit(3)", _ALL)
    yield Fault("sys.exit()", "sys.exit()", _ALL, (OPEN,))
    yield Fault("os._exit", "os._exit(0)", _ALL)
    yield Fault("SIGKILL", "os.kill(os.getpid(), signal.SIGKILL)", _ALL, (CLOSED,))
    yield Fault("SIGTERM", "signal.raise_signal(signal.SIGTERM)", _ALL, (OPEN,))
    own = "gevent.getcurrent().kill()"
    yield Fault("own greenlet ended", own, (*USER[1:3], *BEFORE[1:], "request"))
    users = "ENVIRONMENTS[-1].runner.user_greenlets.kill(block=False)"
    yield Fault("user.stop()", "(self.user if hasattr(self, 'user') else self).stop()", ("task",))
    yield Fault("user.stop(force=True)", "self.stop(force=True)", ("task",), (CLOSED, OPEN))
    one = "next(iter(ENVIRONMENTS[-1].runner.user_greenlets)).kill()"
    yield Fault("user ended", one, ("request", "usage_monitor", "spawning_complete"), _USERS)
    yield Fault("users ended", users, ("task", "request", "usage_monitor", "spawning_complete"))

    asked = 'self.client.get(OTHER + "/item", name="/item")'
    yield Fault("whole URL", asked, ("task",))
    second = 'HttpSession(OTHER, events.request, None).get("/item", name="/item")'
    yield Fault("second client", second, ("task", *DURING), (CLOSED, OPEN))
    # what happens before the window shows when the users' requests go there
    base = "self.client.base_url = OTHER"
    yield Fault("base_url moved", base, ("on_start",), shows=_LOOK)
    yield Fault("base_url moved", base, ("__init__",), _USERS, _LOOK)
    yield Fault("base_url moved", base, ("task",), (CLOSED, TASK_SET), _LOOK)
    moved = "ENVIRONMENTS[-1].host = OTHER"
    yield Fault("host moved", moved, ("init", "test_start"), _USERS, _LOOK)
    property_of = "property(lambda self: OTHER, lambda self, url: None)"
    every = f"HttpSession.base_url = {property_of}"
    yield Fault("base_url of all moved", every, (*IMPORT, PARSER, *_LIVE), _USERS, _LOOK)
    theirs = (
        "for user in list(ENVIRONMENTS[-1].runner.user_greenlets):\n"
        "    if user.args:\n        user.args[0].client.base_url = OTHER"
    )
    yield Fault("base_url of users moved", theirs, ("spawning_complete", *DURING), _USERS, _LOOK)
    own = "client = property(lambda self: HttpSession(OTHER, events.request, None), print)"
    yield Fault("client of its own", own, ("class body",), _USERS, _LOOK)
    unseen = "self.client.get = unseen"
    yield Fault("requests instead", unseen, ("__init__", "on_start"), _USERS, "@task")

    fail = 'def fail():\n    raise RuntimeError("boom")\n'
    soon = (*_ALL[:-3],)  # what comes later runs no more after `quit`
    yield Fault("greenlet that raises", f"{fail}gevent.spawn(fail)", soon)
    yield Fault("greenlet that raises later", f"{fail}gevent.spawn_later(0.1, fail)", _LIVE)
    yield Fault("thread that raises", f"{fail}threading.Thread(target=fail).start()", _LIVE)
    pool = "gevent.get_hub().threadpool.spawn(fail)"
    yield Fault("native thread that raises", fail + pool, _LIVE, (CLOSED, OPEN))
    ends = "def end():\n    sys.exit(3)\ngevent.spawn(end)"
    yield Fault("greenlet that exits", ends, _LIVE, (CLOSED, OPEN))
    odd = f"{fail.replace('RuntimeError', 'OddError')}gevent.spawn(fail)"
    yield Fault("greenlet that raises no Exception", odd, _LIVE, (CLOSED, OPEN))
    spin = "def spin():\n    while True:\n        COUNT[0] += 1\ngevent.spawn(spin)"
    yield Fault("greenlet that never yields", spin, ("import", "on_start", "init"), (OPEN,))
    sender = (
        "def send():\n    client = HttpSession({host}, events.request, None)\n"
        '    while True:\n        client.get("/beat", name="/beat")\n        time.sleep(0.05)\n'
        "gevent.spawn(send)"
    )
    elsewhere = sender.replace("{host}", "OTHER")
    yield Fault("greenlet that sends elsewhere", elsewhere, (*IMPORT, PARSER, *_LIVE))
    here = sender.replace("{host}", "ENVIRONMENTS[-1].host")
    yield Fault("greenlet that sends for ever", here, _LIVE, (OPEN,))
    late = (
        "def send():\n    time.sleep(0.1)\n"
        '    self.client.get("/late", name="/late")\ngevent.spawn(send)'
    )
    yield Fault("greenlet that outlives its task", late, ("task",), (OPEN,))


def clean(load: str) -> str:
    """The scenario without a fault."""
    return _filled(load, {})


def mutants() -> list[Mutant]:
    """All of them. For a task set, the places of a user class are those of the task set."""
    return [
        _mutant(fault, place, load)
        for fault in _faults()
        for place in fault.places
        for load in _loads(fault, place)
    ]


def _loads(fault: Fault, place: str) -> list[str]:
    loads = [load for load in fault.loads if load != TASK_SET or place in ("class body", *USER)]
    if place in (*IMPORT, PARSER, *AFTER) and {CLOSED, OPEN} <= set(loads):
        # the same code runs for both: one of them is enough
        loads.remove((CLOSED, OPEN)[len(fault.name + place) % 2])
    return loads


def _mutant(fault: Fault, place: str, load: str) -> Mutant:
    fills, shows = {place: fault.code}, fault.shows
    if place == "user_error":
        fills["task"] = shows = 'raise LookupError("no such item")'
    text = _filled(load, fills)
    if shows:
        first = text[: text.index(shows)].count("\n") + 1
        return Mutant(place, fault.name, load, text, range(first, first + 1))
    marked = _filled(load, fills | {place: "FAULT"})
    first = marked[: marked.index("FAULT")].count("\n") + 1
    return Mutant(place, fault.name, load, text, range(first, first + fault.code.count("\n") + 1))


def _filled(load: str, fills: dict[str, str]) -> str:
    text = _FILE + (_USER_OF_TASK_SET if load == TASK_SET else _USER)
    for place in PLACES:
        mark = f"{{{place}}}"
        begin = text.rindex("\n", 0, text.index(mark)) + 1
        indent = text[begin : text.index(mark)]
        code = textwrap.indent(fills.get(place, "pass"), indent)
        text = text.replace(f"{indent}{mark}", code)
    return text
