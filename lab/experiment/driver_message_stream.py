"""The messages of one driver, received in a thread: the arms of a soak are driven at once."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from lab.driver_messages import Closed, Frame, Opened, TrialMessage
from lab.experiment.driver_message_conversion import ENDED_EARLY
from lab.instruments.locust_driver_process import DriverError

OPENING_S = 200.0  # limit until the window opens; the driver's own limits are shorter
CLOSING_S = 120.0  # limit until all users have ended; the same
MAX_MESSAGES = 100  # that nobody has taken yet: more than a minute's


class ScenarioEndedTrial(DriverError):
    """The scenario ended the trial early; the text continues "The scenario"."""


class WorkerLost(DriverError):
    """A worker that shares the load has ended the trial early; the text is a sentence."""


class DriverStream:
    """The messages of one trial, in order. Its methods raise DriverError if the driver fails."""

    def __init__(self, messages: Iterator[TrialMessage], arm: str) -> None:
        """Begin to receive.

        Args:
            messages: Of the driver.
            arm: That it loads.
        """
        self._arm = arm
        self._queue: queue.Queue[TrialMessage | Exception] = queue.Queue(MAX_MESSAGES)
        self._early: Frame | None = None  # received, and of a later interval
        self._closed: Closed | None = None
        self._task_errors: Counter[str] = Counter()  # of frames that came too late
        self._foreign_hosts: Counter[str] = Counter()  # of the same
        threading.Thread(target=self._receive, args=(messages,), daemon=True).start()

    def opening(self) -> Opened:
        """The start of the load."""
        message = self._next(time.monotonic() + OPENING_S)
        if message is None:
            raise DriverError(f"a load driver did not begin within {OPENING_S:g} s")
        assert isinstance(message, Opened)
        return message

    def frames(self, until: float, deadline: float) -> Iterator[Frame]:
        """The frames that end within `until` seconds of the window and arrive in time."""
        while self._closed is None:
            message, self._early = self._early or self._next(deadline), None
            if message is None:
                return
            if isinstance(message, Closed):
                self._closed = message
                return
            assert isinstance(message, Frame)
            if message.t > until + 1e-6:
                self._early = message
                return
            yield message
            if message.t >= until - 1e-6:
                return

    def close(self) -> Closed:
        """Wait until the driver has closed the trial.

        Of frames that still come, only what voids the trial is kept, as part of the result.
        """
        deadline = time.monotonic() + CLOSING_S
        if self._early is not None:
            self._keep_flaws(self._early)
        while self._closed is None:
            message = self._next(deadline)
            if message is None:
                raise DriverError(f"a load driver did not end within {CLOSING_S:g} s")
            if isinstance(message, Closed):
                self._closed = message
            elif isinstance(message, Frame):
                self._keep_flaws(message)
        return replace(
            self._closed,
            task_errors=dict(self._task_errors + Counter(self._closed.task_errors)),
            foreign_hosts=dict(self._foreign_hosts + Counter(self._closed.foreign_hosts)),
        )

    def _keep_flaws(self, frame: Frame) -> None:
        self._task_errors.update(frame.task_errors)
        self._foreign_hosts.update(frame.foreign_hosts)

    def _next(self, deadline: float) -> TrialMessage | None:
        try:
            message = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return None
        if isinstance(message, Exception):
            raise message
        if isinstance(message, Closed) and message.early:
            lost = [
                f"{end.name}{f' ({end.place})' if end.place else ''} {end.fault}"
                for end in message.worker_ends
                if end.fault
            ]
            if lost:
                raise WorkerLost(f"Of the workers that load arm {self._arm}: {'; '.join(lost)}.")
            raise ScenarioEndedTrial(next(iter(message.task_errors), ENDED_EARLY))
        return message

    def _receive(self, messages: Iterator[TrialMessage]) -> None:
        try:
            for message in messages:
                self._queue.put(message)
        except Exception as error:  # raised where the messages are waited for
            self._queue.put(error)
