"""The load driver seen from the lab: a child process that runs one trial after the other.

Or several side by side, as lanes that are measured in turn, a slice each.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from lab import driver_messages, network_guard
from lab.driver_messages import (
    WORKER_TOKEN,
    Closed,
    EndLane,
    Failed,
    FleetFormed,
    FormFleet,
    Frame,
    LaneEnded,
    LaneMessage,
    LaneReady,
    Loaded,
    LoadScenario,
    Message,
    Notice,
    Opened,
    ProtocolError,
    RunSlice,
    RunTrial,
    SliceEnded,
    StartLane,
    TrialMessage,
    Up,
)
from lab.errors import MeasurementError, UsageError
from lab.processes.child_processes import Child, Children
from lab.processes.passed_variables import PassedVariables

_START_S = 60.0
_SILENCE_S = 45.0  # without a message; the driver itself has shorter limits, and says for what
_POLL_S = 1.0  # after which it is checked whether the process still runs

Answer = TypeVar("Answer", Up, FleetFormed, Loaded)


class DriverError(MeasurementError):
    """The driver died, failed or does not answer."""


class ScenarioError(UsageError):
    """The scenario cannot be used; `file` and `line` are those of the error, if known."""

    def __init__(self, message: str, line: int | None, file: str | None = None) -> None:
        super().__init__(message)
        self.line, self.file = line, file


class LoadDriver:
    """A load driver for many trials: start it, load a scenario, then drive trials.

    It is one Locust process, or Locust's master with workers, here and on other machines.
    """

    def __init__(
        self,
        children: Children,
        project: Path,
        cores: Iterable[int] | None,
        notify: Callable[[str], None] = lambda text: None,
        limit_factor: float = 1.0,
        allowed: Iterable[str] = (),
        fleet: FormFleet | None = None,
    ) -> None:
        """Start the process.

        Args:
            children: Keeps it.
            project: Its working directory.
            cores: It may run on.
            notify: Called with what the user should know, as what a scenario is waited for.
            limit_factor: Of every time limit for code of the scenario.
            allowed: What it may connect to beside this machine; see `NetworkGuard`.
            fleet: The workers that make the load; None: the process makes it itself. The variables
                that are passed are filled in.
        """
        self._notify, self._limit_factor = notify, limit_factor
        self._fleet, self._token = fleet, PassedVariables()
        if fleet is not None:
            self._fleet = replace(fleet, passed=tuple(children.passed.environment()))
            self._token = PassedVariables({WORKER_TOKEN: fleet.token})
        self.child: Child = children.start(
            [sys.executable, "-m", "lab.driver" if fleet is None else "lab.driver.master"],
            role="driver",
            cwd=project,
            env={"PYTHONUNBUFFERED": "1", network_guard.VARIABLE: ",".join(allowed)},
            cores=cores,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._pending = b""
        self._messages: list[Message] = []
        self._ended_lanes: dict[str, LaneEnded] = {}  # unasked, and not yet reported
        self.workers: tuple[str, ...] = ()  # names and places, once they have joined

    @property
    def pid(self) -> int:
        """Its process id; workers of this machine are children of it."""
        return self.child.pid

    def load(
        self, scenario: Path, open_load: bool = False, files: Mapping[str, str] | None = None
    ) -> tuple[str, ...]:
        """Import the scenario and rehearse it; returns the names of its user classes.

        With workers, they join before that.

        Args:
            scenario: The locustfile.
            open_load: Whether its users carry out arrivals.
            files: Digests of the scenario and what it uses, by path from the project folder; every
                worker must have the same.

        Raises:
            ScenarioError: If it cannot be used.
            UsageError: If workers cannot join at the address that is meant for them.
            DriverError: If the driver itself fails, workers do not join, or have other files.
        """
        try:
            self._expect(Up, time.monotonic() + _START_S)
        except TimeoutError:
            raise DriverError(f"the load driver does not start within {_START_S:g} s") from None
        if self._fleet is not None:
            self._form(self._fleet)
        self._send(LoadScenario(str(scenario), open_load, self._limit_factor, dict(files or {})))
        try:
            return self._expect(Loaded, time.monotonic() + _SILENCE_S).user_classes
        except TimeoutError:
            raise ScenarioError(f"its import takes more than {_SILENCE_S:g} s", None) from None

    def _form(self, fleet: FormFleet) -> None:
        """Wait until all workers have joined; the driver has the time limit, and says so."""
        self._send(fleet)
        message = self._answer(_SILENCE_S)
        if not isinstance(message, FleetFormed):
            raise _unexpected(message)
        self.workers = message.names

    def drive(self, trial: RunTrial) -> Iterator[TrialMessage]:
        """Run one trial and yield the driver's messages, `Closed` being the last.

        Raises:
            DriverError: If the driver dies, fails or stays silent for too long.
        """
        self._send(trial)
        while True:
            message = self._answer(_SILENCE_S)
            if not isinstance(message, Opened | Frame | Closed):
                raise _unexpected(message)
            yield message
            if isinstance(message, Closed):
                return

    def start_lane(self, lane: str, trial: RunTrial) -> LaneReady | LaneEnded:
        """Start a lane, and wait until it has warmed up.

        Returns:
            `LaneEnded` if the scenario ended the lane instead.

        Raises:
            DriverError: If the driver dies, fails or stays silent for too long.
        """
        if self._fleet is not None:
            raise DriverError("a load that workers share is not measured in slices")
        self._ended_lanes.pop(lane, None)
        self._send(StartLane(lane, trial))
        message = self._answer_of(lane, trial.warmup_s)
        if not isinstance(message, LaneReady | LaneEnded):
            raise _unexpected(message)
        return message

    def run_slice(self, lane: str, seconds: float) -> SliceEnded | LaneEnded:
        """Run a slice of a lane; returns and raises as `start_lane`."""
        self._send(RunSlice(lane, seconds))
        message = self._answer_of(lane, seconds)
        if not isinstance(message, SliceEnded | LaneEnded):
            raise _unexpected(message)
        return message

    def end_lane(self, lane: str) -> LaneEnded:
        """End a lane; raises as `start_lane`."""
        self._send(EndLane(lane))
        message = self._answer_of(lane, 0.0)
        if not isinstance(message, LaneEnded):
            raise _unexpected(message)
        return message

    def _answer_of(self, lane: str, seconds: float) -> LaneMessage:
        """The next message of a lane. Other lanes may end meanwhile."""
        while lane not in self._ended_lanes:
            message = self._answer(seconds + _SILENCE_S)
            if not isinstance(message, LaneReady | SliceEnded | LaneEnded):
                raise _unexpected(message)
            if message.lane == lane:
                return message
            if not isinstance(message, LaneEnded):
                raise _unexpected(message)
            self._ended_lanes[message.lane] = message
        return self._ended_lanes.pop(lane)

    def _answer(self, silence_s: float) -> Message:
        """The next message within a trial."""
        try:
            message = self._receive(time.monotonic() + silence_s)
        except TimeoutError:
            silence = f"the load driver does not answer for {silence_s:g} s"
            raise DriverError(silence) from None
        if isinstance(message, Failed):
            if message.of_command:
                raise UsageError(message.message)
            raise _failure(message)
        return message

    def _expect(self, kind: type[Answer], deadline: float) -> Answer:
        message = self._receive(deadline)
        if isinstance(message, Failed):
            if not message.of_scenario:
                raise _failure(message)
            raise ScenarioError(message.message, message.line, message.file)
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
        """The next message, notices aside; TimeoutError if none comes before the deadline."""
        while isinstance(message := self._next(deadline), Notice):
            self._notify(f"the scenario {message.text}" if message.of_scenario else message.text)
            # its own time limits are shorter: as long as it says what it waits for, it is alive
            deadline = max(deadline, time.monotonic() + _SILENCE_S)
        return message

    def _next(self, deadline: float) -> Message:
        """The next message of any kind; TimeoutError as `_receive`."""
        assert self.child.popen.stdout is not None
        fd = self.child.popen.stdout.fileno()
        while not self._messages:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            if not select.select([fd], [], [], min(left, _POLL_S))[0]:
                if self.child.died():  # what the scenario has forked may hold the pipe open
                    raise self._death()
                continue
            chunk = os.read(fd, 1 << 16)
            if not chunk:
                self.child.popen.wait()
                raise self._death()
            *lines, self._pending = (self._pending + chunk).split(b"\n")
            try:
                received = map(driver_messages.decode, lines)
                redacted = map(self.child.passed.redact_record, received)
                self._messages += map(self._token.redact_record, redacted)
            except ProtocolError as error:
                unread = self.child.passed.redact(str(error))
                raise DriverError(f"the load driver sent what cannot be read: {unread}") from error
        return self._messages.pop(0)

    def _death(self) -> DriverError:
        return DriverError(f"the load driver {self.child.died() or 'closed its pipe'}")


def _failure(message: Failed) -> DriverError:
    return DriverError(f"the load driver failed: {message.message}")


def _unexpected(message: Message) -> DriverError:
    return DriverError(f"the load driver sent an unexpected message: {type(message).__name__}")
