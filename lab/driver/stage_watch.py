"""Time limits for whatever waits for code of the scenario, with the line at which it hangs.

A timer interrupts the process also if a greenlet never yields. Its handler runs between two
bytecodes of any greenlet: it sends messages, and ends the process, but raises nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import FrameType
from typing import Protocol, Self

import greenlet

from lab.driver.process_timer import ProcessTimer
from lab.driver.source_location import SourceLocation, functions, of_frame
from lab.driver.trial_process import instances

FROZEN_S = 10.0  # limit of a time in which some greenlet never yields
WAITING_S = 5.0  # after which it is reported what is waited for
_AGAIN_S = 0.05  # if a message was being sent when the signal came


class Reports(Protocol):
    """Takes what the watch finds."""

    @property
    def busy(self) -> bool:
        """Whether a message is being sent."""

    def waiting(self, what: str, where: SourceLocation | None) -> None:
        """So far in vain, but the time limit has not passed."""

    def hangs(self, what: str, limit_s: float, where: SourceLocation | None) -> None:
        """The time limit has passed. The process ends after this call."""


class Stage:
    """A stretch of time in which code of the scenario is waited for; `StageWatch` makes them."""

    # no `contextmanager`: that sets an attribute of errors, which those of a scenario may refuse

    def __init__(self, watch: StageWatch, what: str, limit_s: float, function: str) -> None:
        self._watch = watch
        self.what, self.limit_s, self.function = what, limit_s, function
        self.began = time.monotonic()
        self.reported = False
        self.entered = self.began
        self.beside = False  # whether the time of the stage around it runs meanwhile

    def __enter__(self) -> Self:
        self.began = self.entered = time.monotonic()
        self._watch.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.remove(self)

    @property
    def due(self) -> float:
        """When something is to be done about it, if it still lasts then."""
        wait_s = self.limit_s if self.reported or self.limit_s <= WAITING_S else WAITING_S
        return self.began + wait_s

    def extend(self) -> None:
        """It makes progress: its time begins anew."""
        self.began, self.reported = time.monotonic(), False
        self._watch.arm()


class StageWatch:
    """Watches stages. Of nested ones, only the time of the innermost runs."""

    def __init__(
        self, reports: Reports, end_process: Callable[[], None], limit_factor: float = 1.0
    ) -> None:
        """Watch nothing yet.

        Args:
            reports: Takes what is found.
            end_process: Called after a time limit has passed.
            limit_factor: Of every time limit.
        """
        self._reports, self._end = reports, end_process
        self.limit_factor = limit_factor
        self._stages: list[Stage] = []
        self._main = greenlet.getcurrent()
        self._timer = ProcessTimer(self._on_alarm)

    def stage(self, what: str, limit_s: float, function: str = "") -> Stage:
        """Within this, `what` is waited for, for `limit_s` at most.

        Args:
            what: As in "waits for ...".
            limit_s: Seconds.
            function: Of the scenario, in which a greenlet is to be searched first.
        """
        return Stage(self, what, self.limit_factor * limit_s, function)

    def add(self, stage: Stage) -> None:
        """A stage begins."""
        self._stages.append(stage)
        self.arm()

    def remove(self, stage: Stage) -> None:
        """A stage has ended: its time is not that of the stages around it."""
        self._stages.remove(stage)
        now = time.monotonic()
        for outer in [] if stage.beside else self._stages:
            outer.began += max(0.0, now - max(stage.entered, outer.began))
        self.arm()

    def note(self, what: str) -> None:
        """Report what is waited for, though there is progress."""
        self._reports.waiting(what, None)

    def give_up(self, what: str, limit_s: float, where: SourceLocation | None) -> None:
        """Report that a time limit has passed, and end the process."""
        self._reports.hangs(what, limit_s, where)
        self._end()

    def arm(self) -> None:
        """Set the timer for the stages whose time runs."""
        left_s = 0.0  # disarms
        if self._stages:
            due = min(stage.due for stage in self._active())
            left_s = max(_AGAIN_S, due - time.monotonic())
        self._timer.set(left_s)

    def _active(self) -> list[Stage]:
        """The innermost stage; beside it the one around it, if it is meant so."""
        active: list[Stage] = []
        for stage in reversed(self._stages):
            active.append(stage)
            if not stage.beside:
                break
        return active

    def _on_alarm(self, _: int, interrupted: FrameType | None) -> None:
        if self._reports.busy:
            self._timer.set(_AGAIN_S)
            return
        now = time.monotonic()
        for stage in self._active():
            if stage.due > now:
                continue
            where = self._where(interrupted, stage.function)
            if stage.reported or stage.limit_s <= WAITING_S:
                self.give_up(stage.what, stage.limit_s, where)
            stage.reported = True
            self._reports.waiting(stage.what, where)
        self.arm()

    def _where(self, interrupted: FrameType | None, function: str) -> SourceLocation | None:
        """The line that is to blame: of the running greenlet, the main one, or any that waits."""
        frames = [interrupted, self._main.gr_frame]
        others = instances(greenlet.greenlet)
        frames += [each.gr_frame for each in others if each is not self._main]
        if function:
            frames.sort(key=lambda frame: function not in {name for _, name in functions(frame)})
        places = (of_frame(frame) for frame in frames if frame is not None)
        return next((place for place in places if place is not None), None)
