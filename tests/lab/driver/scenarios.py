"""Scenarios that a test writes, each in a driver process of its own."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab.driver_messages import (
    Closed,
    ClosedLoadSpec,
    LoadSpec,
    OpenLoadSpec,
    RateStage,
    RunTrial,
    TrialMessage,
)
from lab.instruments.locust_driver_process import LoadDriver
from lab.processes.child_processes import Children
from lab.processes.cleanup_watchdog import start_ticks
from tests.runs import ROOT

WINDOW_S = 0.3
ONE_USER = ClosedLoadSpec(1)

HEAD = """\
import json, os, signal, socket, subprocess, sys, time
from pathlib import Path
import gevent
from locust import HttpUser, FastHttpUser, User, task, events, constant

HERE = Path(__file__).parent

def note(what):
    with (HERE / "noted").open("a") as file:
        file.write(json.dumps(what) + "\\n")

"""

PLAIN_USER = """\
class Reader(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def read(self):
        self.client.get("/")
"""


class Drivers:
    """Starts drivers; the scenarios lie in a folder of the test."""

    def __init__(self, children: Children, folder: Path) -> None:
        self._children, self._folder = children, folder
        self.notices: list[str] = []

    def load(
        self, source: str, *, open_load: bool = False, limit_factor: float = 0.1
    ) -> LoadDriver:
        """Import a scenario."""
        path = self._folder / "scenario.py"
        path.write_text(HEAD + source)
        driver = LoadDriver(self._children, ROOT, None, self.notices.append, limit_factor)
        driver.load(path, open_load)
        return driver

    @property
    def noted(self) -> list[Any]:
        """What scenarios have noted, in order."""
        file = self._folder / "noted"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def line(self, text: str) -> int:
        """The first line of the scenario that contains a text."""
        lines = (self._folder / "scenario.py").read_text().splitlines()
        return next(number for number, line in enumerate(lines, 1) if text in line)


def open_load(rate: float = 20.0, seconds: float = WINDOW_S, max_users: int = 20) -> OpenLoadSpec:
    """Arrivals at equal distances."""
    return OpenLoadSpec("constant", (RateStage(rate, rate, seconds),), max_users)


def trial_of(
    url: str, load: LoadSpec = ONE_USER, seed: str = "s", window_s: float = WINDOW_S
) -> RunTrial:
    """A short trial without a warm-up."""
    return RunTrial(url, load, 0.0, window_s, seed)


def run(driver: LoadDriver, *trial: Any, **options: Any) -> list[TrialMessage]:
    """The messages of one trial."""
    return list(driver.drive(trial_of(*trial, **options)))


def faults_of(messages: Iterable[TrialMessage]) -> dict[str, int]:
    """All faults of the scenario in a trial."""
    found: dict[str, int] = {}
    for message in messages:
        for text, count in getattr(message, "task_errors", {}).items():
            found[text] = found.get(text, 0) + count
    return found


def closed_of(messages: list[TrialMessage]) -> Closed:
    """The last message."""
    assert isinstance(messages[-1], Closed)
    return messages[-1]


def family(pid: int) -> list[int]:
    """Ids of the descendants of a process."""
    found: list[int] = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with suppress(FileNotFoundError, ProcessLookupError):  # that has just ended
            found += [int(child), *family(int(child))]
    return found


def eventually(condition: Callable[[], bool], within_s: float = 3.0) -> bool:
    """Whether it becomes true in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def runs(pid: int) -> bool:
    """Whether a process runs."""
    return start_ticks(pid) is not None


def kill(pid: int, number: int) -> None:
    """Send a signal to a process."""
    os.kill(pid, number)
