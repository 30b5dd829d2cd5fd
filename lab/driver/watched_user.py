"""Users that report if they end though nobody asked them to."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from types import new_class
from typing import Any, Self

import gevent
from gevent.event import Event
from locust import User
from locust.exception import StopUser

from lab.driver.scenario_faults import ScenarioFaults
from lab.driver.source_location import SourceLocation, of_class, of_error, of_frame

_LOOK_S = 1.0  # between two looks whether a trial that has not begun is over


class EndedByLab(StopUser):
    """The lab ends a user."""


class WatchedUser(User):
    """Mixed into the user classes of a scenario by `derive`.

    Attributes of its own begin with `lab_`, so that they do not meet those of a scenario.
    """

    abstract = True
    lab_faults: ScenarioFaults | None = None
    lab_started = False  # `on_start` has returned
    lab_begin: Event | None = None  # set when tasks may begin; None: at once
    lab_phases: Iterator[float] | None = None  # parts of think times; None: tasks begin at once
    lab_phase_limit_s = 0.0
    lab_stopped_at: SourceLocation | None = None  # where the scenario asked it to end

    @classmethod
    def derive(cls, user_class: type[User], **attributes: Any) -> type[Self]:
        """A subclass of the same name as the scenario's class, with these attributes."""
        namespace = {
            "__module__": user_class.__module__,
            "__qualname__": user_class.__qualname__,
            "abstract": False,
            **attributes,
        }
        bases = (cls, user_class)
        return new_class(user_class.__name__, bases, exec_body=lambda body: body.update(namespace))

    def on_start(self) -> None:
        """As the scenario's; then it waits until the load begins, if that is agreed on.

        Then it begins somewhere in a think time: users who begin together, and wait for times that
        hardly differ, would stay in step, so that a window has one answer of each more or less than
        its length.
        """
        super().on_start()
        self.lab_started = True
        while self.lab_begin is not None and not self.lab_begin.wait(_LOOK_S):
            if self.lab_faults is not None and self.lab_faults.over.is_set():
                return  # the trial is void
        if self.lab_phases is not None and self.lab_faults is not None:
            phase_s = min(next(self.lab_phases) * self._think_s(), self.lab_phase_limit_s)
            self.lab_faults.over.wait(phase_s)
            self._cp_last_run += phase_s  # of `constant_pacing`, which would catch up

    def _think_s(self) -> float:
        """A think time as the scenario has it; 0 where it fails, as Locust reports later."""
        pacing = self._cp_last_run, self._cp_last_wait_time
        try:
            return max(0.0, float(self.wait_time()))
        except Exception:
            return 0.0
        finally:
            self._cp_last_run, self._cp_last_wait_time = pacing

    def stop(self, force: bool = False) -> bool:
        """As any user; notes where the scenario asks for it."""
        self.lab_stopped_at = of_frame(sys._getframe().f_back)
        return bool(super().stop(force))

    def on_stop(self) -> None:
        """As the scenario's; notes why the user ends, if the lab does not end it."""
        error = sys.exception()
        stopping = getattr(self.environment.runner, "stopping", True)
        if self.lab_faults is not None and not stopping and not isinstance(error, EndedByLab):
            self.note_end(self.lab_faults, error)
        try:
            super().on_stop()
        except (StopUser, gevent.GreenletExit) as again:
            if self.lab_faults is not None and not self._is_killed:
                self.note_end(self.lab_faults, again)
            raise

    def note_end(self, faults: ScenarioFaults, error: BaseException | None) -> None:
        """Note that it ends, though the lab does not end it."""
        asked_at = self.lab_stopped_at or getattr(self.greenlet, "killed_at", None)
        if asked_at is None and (error is None or of_error(error) is None):
            asked_at = of_class(type(self).__bases__[-1])
        faults.user_ended(type(self).__name__, error, asked_at)

    @property
    def _is_killed(self) -> bool:
        """Whether it has had so much time to end that it is ended by force."""
        runner = self.environment.runner
        if gevent.getcurrent() in getattr(runner, "killed", ()):
            return True
        began = getattr(runner, "stop_began", 0.0)
        return time.monotonic() - began > float(self.environment.stop_timeout or 0.0) - 0.5
