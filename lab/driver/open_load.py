"""An open load: arrivals that are due at moments fixed beforehand, whatever the answers do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import gevent
import numpy as np
from locust import User
from locust.runners import Runner

from lab.driver.request_recorder import count_before, to_histogram
from lab.driver.user_pool import Dispatcher, UserPool
from lab.driver_protocol import ArrivalSummary, RateStage, UnfinishedArrivals
from lab.stats.arrival_schedule import ArrivalProcess, RateSegment, schedule


class _Counts(NamedTuple):
    """What the frames so far have reported, counted from the begin on."""

    scheduled: int = 0
    sent: int = 0
    lags: int = 0
    waits: int = 0


class OpenLoadRunner:
    """Dispatches a schedule to a pool of users.

    Every arrival of the schedule is sent or counted as unsent, so that
    ``sent + waiting + undispatched`` is ``scheduled`` at any moment.
    """

    def __init__(
        self,
        runner: Runner,
        classes: list[type[User]],
        *,
        arrivals: ArrivalProcess,
        stages: Sequence[RateStage],
        max_users: int,
        warmup_s: float,
        seed: str,
    ) -> None:
        """Draw the schedule.

        Args:
            runner: Of this trial alone.
            classes: Whose tasks the arrivals are, drawn by their weights.
            arrivals: How they are spread.
            stages: Of the window; the first rate is also that of the warm-up.
            max_users: Of the pool. An arrival that finds all of them busy waits.
            warmup_s: Before the first stage.
            seed: The same seed makes the same schedule and draws the same classes.
        """
        planned = [RateSegment(seconds, begin, end) for begin, end, seconds in stages]
        if warmup_s:
            planned.insert(0, RateSegment(warmup_s, planned[0].begin, planned[0].begin))
        self._seconds = sum(stage.duration for stage in planned)
        self._offsets = schedule(planned, arrivals, seed)
        self._due = self._offsets
        self._warmup_s, self._opens = warmup_s, 0.0
        peak = max(max(stage.begin, stage.end) for stage in planned)
        self._ready = min(max_users, math.ceil(peak))  # a second's worth, should all stand still
        self._runner, self._classes = runner, classes
        environment, group = runner.environment, runner.user_greenlets
        self._pool = UserPool(environment, group, classes, max_users, seed)
        self._dispatcher = Dispatcher(self._pool)
        self._reported = _Counts()
        self._greenlet: gevent.Greenlet | None = None

    def start(self) -> list[User]:
        """Have the pool open and every connection with it."""
        environment = self._runner.environment
        for each in self._classes:
            each.host = environment.host
        environment.events.test_start.fire(environment=environment)
        self._pool.open(self._ready)
        environment.events.spawning_complete.fire(user_count=self._pool.users)
        return self._pool.members

    def begin(self, started: float) -> None:
        """Dispatch from now on, `started` (monotonic seconds) being time 0 of the schedule."""
        self._due = started + self._offsets
        self._opens = started + self._warmup_s
        self._pool.close(started + self._seconds)
        self._greenlet = gevent.spawn(self._dispatcher.run, self._due.tolist())

    def arrivals(self, until: float) -> ArrivalSummary:
        """Arrivals scheduled and sent since the last frame, and how late they were."""
        now = _Counts(
            scheduled=int(np.searchsorted(self._due, until)),
            sent=count_before(self._pool.begun, until),
            lags=len(self._dispatcher.lags),
            waits=len(self._pool.waits),
        )
        last, self._reported = self._reported, now
        return ArrivalSummary(
            scheduled=now.scheduled - last.scheduled,
            sent=now.sent - last.sent,
            lag=to_histogram(self._dispatcher.lags[last.lags : now.lags]),
            wait=to_histogram(self._pool.waits[last.waits : now.waits]),
            under_way_s=sum(max(0.0, until - each.begun) for each in self._pool.under_way),
        )

    def end(self) -> None:
        """Dispatch no more."""
        if self._greenlet is not None:
            self._greenlet.kill()

    def unfinished(self) -> UnfinishedArrivals:
        """Arrivals never sent, by what they lacked, and those of the window never answered."""
        return UnfinishedArrivals(
            waiting=self._pool.unsent,
            undispatched=len(self._due) - len(self._dispatcher.lags),
            unanswered=sum(due >= self._opens for due in self._pool.cut),
        )
