"""The load driver seen from the lab: a child process that runs one trial after the other."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from lab import driver_messages
from lab.child_processes import Child, Children
from lab.driver_messages import (
    Closed,
    Failed,
    Frame,
    Loaded,
    LoadScenario,
    Message,
    Opened,
    ProtocolError,
    RunTrial,
    TrialMessage,
    Up,
)
from lab.errors import MeasurementError, UsageError

_START_S = 60.0
_IMPORT_S = 10.0
_SLACK_S = 120.0  # beyond warm-up and window: connecting, and waiting for the last answers

Answer = TypeVar("Answer", Up, Loaded)


class DriverError(MeasurementError):
    """The driver died, failed or does not answer."""


class ScenarioError(UsageError):
    """The scenario cannot be imported; `line` is the line of the error, if it is known."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.line = line


class LoadDriver:
    """One Locust process for many trials: start it, load a scenario, then drive trials."""

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
        self._pending = b""
        self._messages: list[Message] = []

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.child.pid

    def load(self, scenario: Path, open_load: bool = False) -> tuple[str, ...]:
        """Import the scenario, under a time limit; returns the names of its user classes."""
        try:
            self._expect(Up, time.monotonic() + _START_S)
        except TimeoutError:
            raise DriverError(f"the load driver does not start within {_START_S:g} s") from None
        self._send(LoadScenario(str(scenario), open_load))
        try:
            return self._expect(Loaded, time.monotonic() + _IMPORT_S).user_classes
        except TimeoutError:
            raise ScenarioError(f"its import takes more than {_IMPORT_S:g} s", None) from None

    def drive(self, trial: RunTrial) -> Iterator[TrialMessage]:
        """Run one trial and yield the driver's messages, `Closed` being the last.

        Raises:
            DriverError: If the driver dies, fails or stays silent for too long.
        """
        self._send(trial)
        deadline = time.monotonic() + trial.warmup_s + trial.window_s + _SLACK_S
        while True:
            try:
                message = self._receive(deadline)
            except TimeoutError:
                raise DriverError("the load driver does not answer any more") from None
            if isinstance(message, Failed):
                raise DriverError(f"the load driver failed: {message.message}")
            if not isinstance(message, Opened | Frame | Closed):
                raise _unexpected(message)
            yield message
            if isinstance(message, Closed):
                return

    def _expect(self, kind: type[Answer], deadline: float) -> Answer:
        message = self._receive(deadline)
        if isinstance(message, Failed):
            raise ScenarioError(message.message, message.line)
        if not isinstance(message, kind):
            raise _unexpected(message)
        return message

    def _send(self, message: Message) -> None:
        assert self.child.popen.stdin is not None
        try:
            self.child.popen.stdin.write(driver_messages.encode(message))
            self.child.popen.stdin.flush()
        except OSError as error:
            raise self._death() from error

    def _receive(self, deadline: float) -> Message:
        """The next message; TimeoutError if none comes before the deadline."""
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
            try:
                received = map(driver_messages.decode, lines)
                self._messages += map(self.child.passed.redact_record, received)
            except ProtocolError as error:
                unread = self.child.passed.redact(str(error))
                raise DriverError(f"the load driver sent what cannot be read: {unread}") from error
        return self._messages.pop(0)

    def _death(self) -> DriverError:
        return DriverError(f"the load driver {self.child.died() or 'closed its pipe'}")


def _unexpected(message: Message) -> DriverError:
    return DriverError(f"the load driver sent an unexpected message: {type(message).__name__}")
