"""The load driver seen from the lab: a child process that is told trial by trial what to load."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lab.errors import MeasurementError, UsageError
from lab.processes import Child, Children

_UP_S = 60.0
_IMPORT_S = 10.0


class DriverError(MeasurementError):
    """The driver died or went silent."""


class ScenarioError(UsageError):
    """The scenario cannot be imported; `line` where it is known."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.line = line


class LoadDriver:
    """One long-lived Locust process. Start it, load a scenario, then drive trial after trial."""

    def __init__(self, children: Children, project: Path, cores: Iterable[int] | None) -> None:
        self.child: Child = children.start(
            [sys.executable, "-m", "lab.driver"],
            role="driver",
            cwd=project,
            env={"PYTHONUNBUFFERED": "1"},
            cores=cores,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._children = children
        self._pending = b""
        self._messages: list[dict[str, Any]] = []

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.child.pid

    def load(self, scenario: Path, open_load: bool = False) -> list[str]:
        """Import the scenario, under a time limit; the names of its user classes."""
        try:
            self._receive(time.monotonic() + _UP_S)
        except TimeoutError:
            raise DriverError(f"the load driver does not start within {_UP_S:g} s") from None
        self._send({"op": "load", "scenario": str(scenario), "open_load": open_load})
        try:
            answer = self._receive(time.monotonic() + _IMPORT_S)
        except TimeoutError:
            raise ScenarioError(f"its import takes more than {_IMPORT_S:g} s", None) from None
        if answer["event"] == "failed":
            raise ScenarioError(answer["message"], answer["line"])
        return list(answer["users"])

    def drive(
        self, *, host: str, load: Mapping[str, Any], warmup_s: float, window_s: float, seed: str
    ) -> Iterator[dict[str, Any]]:
        """Drive one trial and yield the driver's messages, `closed` being the last.

        `load` has the form that `lab.driver.run_trial.run` takes. Raises DriverError if the driver
        dies, fails or stays silent for too long.
        """
        self._send(
            {
                "op": "trial",
                "trial": {
                    "host": host,
                    "load": dict(load),
                    "warmup_s": warmup_s,
                    "window_s": window_s,
                    "seed": seed,
                },
            }
        )
        limit = time.monotonic() + warmup_s + window_s + 120
        while True:
            try:
                message = self._receive(limit)
            except TimeoutError:
                raise DriverError("the load driver does not answer any more") from None
            if message["event"] == "failed":
                raise DriverError(f"the load driver failed: {message['message']}")
            yield message
            if message["event"] == "closed":
                return

    def _send(self, message: dict[str, Any]) -> None:
        assert self.child.popen.stdin is not None
        try:
            self.child.popen.stdin.write(json.dumps(message).encode() + b"\n")
            self.child.popen.stdin.flush()
        except OSError as error:
            raise self._death() from error

    def _receive(self, deadline: float) -> dict[str, Any]:
        assert self.child.popen.stdout is not None
        fd = self.child.popen.stdout.fileno()
        while not self._messages:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            if not select.select([fd], [], [], left)[0]:
                continue
            chunk = os.read(fd, 1 << 16)
            if not chunk:
                self.child.popen.wait()
                raise self._death()
            *lines, self._pending = (self._pending + chunk).split(b"\n")
            self._messages += [json.loads(line) for line in lines]
        return self._messages.pop(0)

    def _death(self) -> DriverError:
        return DriverError(f"the load driver {self.child.died() or 'closed its pipe'}")
