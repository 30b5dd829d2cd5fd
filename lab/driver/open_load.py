"""An open load: arrivals at times that are scheduled beforehand, whatever the answers do."""

from __future__ import annotations

from typing import NamedTuple

import gevent
import numpy as np
from locust import User
from locust.runners import STATE_SPAWNING

from lab.driver.connections import disconnect
from lab.driver.dispatcher import Dispatcher
from lab.driver.locust_environment import TrialRunner
from lab.driver.request_recorder import count_before, to_histogram
from lab.driver.scenario_faults import ScenarioFaults
from lab.driver.user_pool import UserPool
from lab.driver.worker_share import ALL, own_seed, part_of
from lab.driver_messages import ArrivalSummary, OpenLoadSpec, RunTrial, UnfinishedArrivals
from lab.stats.arrival_schedule import RateSegment, schedule


class _Counts(NamedTuple):
    """What the frames so far have reported, counted from the start of the load on."""

    scheduled: int = 0
    sent: int = 0
    dispatched: int = 0


class OpenLoadRunner:
    """Dispatches a schedule to a pool of users.

    Every arrival of the schedule is sent or counted as unsent, so that at any moment the number
    scheduled is the sum of those sent, waiting and undispatched.
    """

    def __init__(
        self,
        runner: TrialRunner,
        user_classes: list[type[User]],
        trial: RunTrial,
        spec: OpenLoadSpec,
        faults: ScenarioFaults,
    ) -> None:
        """Draw the schedule; a worker keeps its share of it.

        Args:
            runner: Counts and stops the users.
            user_classes: Whose tasks the arrivals are, drawn by their weights.
            trial: Its warm-up is at the first rate, before the first stage. The same seed makes the
                same schedule and draws the same classes.
            spec: Of that trial: stages of the window, its arrivals and the limit of users.
            faults: Gets those of the scenario.
        """
        share, warmup_s = trial.share or ALL, trial.warmup_s
        segments = [
            RateSegment(stage.seconds, stage.from_rate, stage.to_rate) for stage in spec.stages
        ]
        if warmup_s:
            segments.insert(0, RateSegment(warmup_s, segments[0].begin, segments[0].begin))
        self._seconds = sum(segment.duration for segment in segments)
        self._offsets = schedule(segments, spec.arrivals, trial.seed)[share.index :: share.count]
        self._schedule = self._offsets  # in monotonic seconds once the load has begun
        self._warmup_s, self._opens = warmup_s, 0.0
        peak_rate = max(max(segment.begin, segment.end) for segment in segments)
        self._peak_rate = peak_rate / share.count
        self._runner, self._faults = runner, faults
        self._pool = UserPool(
            runner.environment,
            runner.user_greenlets,
            user_classes,
            part_of(spec.max_users, share),
            own_seed(trial),
        )
        runner.worker_index, runner.worker_count = share.index, share.count
        for user_class in self._pool.classes:
            user_class.lab_faults = faults
        runner.environment.user_classes = list(self._pool.classes)
        self._dispatcher = Dispatcher(self._pool)
        self._reported = _Counts()
        self._greenlet: gevent.Greenlet | None = None

    def start(self) -> None:
        """Open the pool; returns when its users are connected and have ended their `on_start`.

        Raises whatever a user class raises when a user is made.
        """
        environment = self._runner.environment
        environment.events.test_start.fire(environment=environment)
        for user_class in self._pool.classes:  # as Locust: a listener may set the host
            user_class.host = environment.host
        self._runner.update_state(STATE_SPAWNING)
        self._pool.open(self._peak_rate, enough=self._faults.over.is_set)
        environment.events.spawning_complete.fire(user_count=self._pool.size)

    def begin(self, started: float) -> None:
        """Dispatch from now on; `started` (monotonic seconds) is time 0 of the schedule."""
        self._schedule = started + self._offsets
        self._opens = started + self._warmup_s
        self._pool.close(started + self._seconds)
        self._greenlet = gevent.spawn(self._dispatcher.run, self._schedule.tolist())
        # of a user that cannot be made: nobody sends the arrivals that follow
        self._greenlet.link_exception(lambda dead: self._faults.raised_and_over(dead.exception))

    def arrivals(self, until: float) -> ArrivalSummary:
        """Arrivals scheduled and sent since the last frame, and how late they were."""
        scheduled = int(np.searchsorted(self._schedule, until))
        now = _Counts(
            scheduled=scheduled,
            sent=count_before(self._pool.begun, until),
            # of those scheduled so far alone: a frame that is late must not take those that follow
            dispatched=min(scheduled, self._dispatcher.count),
        )
        last, self._reported = self._reported, now
        return ArrivalSummary(
            scheduled=now.scheduled - last.scheduled,
            sent=now.sent - last.sent,
            lag=to_histogram(self._pool.lags[last.sent : now.sent]),
            wait=to_histogram(self._pool.waits[last.sent : now.sent]),
            under_way_s=sum(max(0.0, until - each.begun) for each in self._pool.under_way),
        )

    def end(self) -> None:
        """Dispatch no more."""
        if self._greenlet is not None:
            self._greenlet.kill()

    def disconnect(self) -> None:
        """Close the connections of all users, after they have ended."""
        for user in list(self._pool.members):
            disconnect(user)

    def unfinished(self) -> UnfinishedArrivals:
        """Arrivals never sent, by what they lacked, and those of the window never answered."""
        waiting = self._pool.unsent
        undispatched = len(self._schedule) - self._dispatcher.count
        if (reported := self._reported).scheduled < len(self._schedule):
            # the trial ended early: of what no frame has reported, nothing was missed
            missing = reported.scheduled - reported.sent
            undispatched = min(missing, max(0, reported.scheduled - reported.dispatched))
            waiting = missing - undispatched
        return UnfinishedArrivals(
            waiting=waiting,
            undispatched=undispatched,
            unanswered=sum(scheduled >= self._opens for scheduled in self._pool.interrupted),
            without_request=sum(
                each.unanswered and each.scheduled >= self._opens
                for each in self._pool.ended_unanswered
            ),
        )
