"""The record of one trial of load, built from the driver's frames."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from lab.driver_messages import (
    ArrivalSummary,
    Closed,
    Frame,
    Opened,
    RequestKey,
    ScheduledRequests,
    UnfinishedArrivals,
)
from lab.experiment.driver_message_conversion import faults_at_end, requests_of
from lab.experiment.fleet_builder import FleetBuilder
from lab.hypothesis import ClosedLoad, OpenLoad
from lab.stats.latency_histogram import Histogram
from lab.stats.nearest_rank import quantile
from lab.trials.trial import ArrivalSecond, Dispatch, LoadEvidence, Requests, StageRecord

_EDGE_S = 1e-6  # precision of the ends of frames


class LoadRecordBuilder:
    """Adds up what the window held, from every frame and the driver's last message."""

    def __init__(self, load: ClosedLoad | OpenLoad, warmup_s: float) -> None:
        self.task_errors: Counter[str] = Counter()
        self.warmup_errors: Counter[str] = Counter()  # of requests before the window
        self.rate = 0.0  # requests a second in the last frame
        self._load = load
        self._warmup_s = warmup_s
        self._drained = True
        self._users: list[int] = []  # at the end of each second
        self._requests: dict[RequestKey, Requests] = {}
        self._arm_requests: int | None = None
        self._foreign_hosts: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._ticker_lateness: list[float] = []
        self._until = 0.0
        self._open = _Arrivals() if isinstance(load, OpenLoad) else None
        self._fleet = FleetBuilder()

    def open(self, opened: Opened) -> None:
        """Note the errors of requests before the load began, and who makes it."""
        self._fleet.open(opened)
        self.warmup_errors.update(opened.errors)

    def add(self, frame: Frame) -> None:
        """Add a frame, of the warm-up or of the window."""
        ended = requests_of(frame.requests)
        length, self._until = frame.t - self._until, frame.t
        self.rate = sum(requests.count for requests in ended.values()) / max(length, 1e-9)
        self.task_errors.update(frame.task_errors)
        if self._open is not None:
            self._open.add(frame, length, ended)
        if not frame.in_window:
            self.warmup_errors.update(frame.errors)
            return
        self._fleet.add(frame, length)
        self._ticker_lateness += frame.ticker_lateness
        self._users.append(frame.users)
        self._errors.update(frame.errors)
        self._foreign_hosts.update(frame.foreign_hosts)
        if frame.arm_requests is not None:
            self._arm_requests = (self._arm_requests or 0) + frame.arm_requests
        _merge(self._requests, ended)

    def close(self, closed: Closed) -> None:
        """Note that the trial has ended, and what ended after its window."""
        self._drained = closed.drained
        self._fleet.close(closed)
        (self._errors if self._users else self.warmup_errors).update(closed.errors)
        self._foreign_hosts.update(closed.foreign_hosts)
        self.task_errors.update(faults_at_end(closed, self.task_errors))
        if self._open is not None:
            self._open.close(closed)

    def evidence(self) -> LoadEvidence:
        """All that was added."""
        most = max(self._users, default=0)
        missing = 0
        if isinstance(self._load, ClosedLoad):
            most = self._load.users
            missing = most - min(self._users, default=most)
        evidence = LoadEvidence(
            requests=self._requests,
            errors=dict(self._errors),
            ticker_late_p99_s=quantile(self._ticker_lateness, 0.99) or 0.0,
            users_missing=missing if self._drained else most,
            arm_requests=self._arm_requests,
            foreign_hosts=dict(self._foreign_hosts),
            fleet=self._fleet.record(),
        )
        if self._open is None or not isinstance(self._load, OpenLoad):
            return evidence
        return replace(
            evidence,
            requests=self._open.stage(None, self._warmup_s, math.inf).requests,
            dispatch=self._open.dispatch(most),
            stages=tuple(
                self._open.stage(name, begin, end)
                for name, begin, end in _stages(self._load, self._warmup_s)
            ),
        )


class _Part:
    """The arrivals scheduled in one frame with their answers, and the requests that ended in it."""

    def __init__(self, length: float, scheduled: int, ended: Mapping[RequestKey, Requests]) -> None:
        self.length, self.scheduled, self.ended = length, scheduled, ended
        self.answered: dict[RequestKey, Requests] = {}

    @property
    def second(self) -> ArrivalSecond:
        """Its median, in which arrivals in excess of the requests answered count as the longest."""
        latency = Requests.together(self.answered.values()).latency
        # a second is compared with others, never judged by itself: few samples are enough
        median = latency.quantile_beside(0.5, max(0, self.scheduled - latency.count))
        return ArrivalSecond(round(self.length, 6), median, self.scheduled)


class _Arrivals:
    """Arrivals by their scheduled send time.

    What was overdue when the window opened was still to be sent, and counts as scheduled in it.
    """

    def __init__(self) -> None:
        self._closed: Closed | None = None
        self._parts: dict[float, _Part] = {}  # by the ends of their frames
        self._scheduled = self._sent = 0
        self._before_s = self._after_s = 0.0
        self._lag, self._wait = Histogram(), Histogram()

    def add(self, frame: Frame, length: float, ended: Mapping[RequestKey, Requests]) -> None:
        seen = frame.arrivals or ArrivalSummary(0, 0)
        self._parts[frame.t] = _Part(length, seen.scheduled, ended)
        self._answer(frame.by_scheduled_time)
        self._scheduled += seen.scheduled
        self._sent += seen.sent
        if frame.in_window:
            self._after_s = seen.under_way_s
            self._lag.merge(seen.lag)
            self._wait.merge(seen.wait)
        else:  # keep only what is overdue
            self._before_s = seen.under_way_s
            self._scheduled -= self._sent
            self._sent = 0

    def close(self, closed: Closed) -> None:
        groups = closed.by_scheduled_time
        if closed.early:  # a frame that was not sent has no record; the trial is void
            groups = tuple(group for group in groups if group.t in self._parts)
        self._answer(groups)
        self._closed = closed

    def _answer(self, groups: Sequence[ScheduledRequests]) -> None:
        for group in groups:
            _merge(self._parts[group.t].answered, requests_of(group.requests))

    def stage(self, name: str | None, begin: float, end: float) -> StageRecord:
        """The record of the frames between two edges, in seconds since the load began."""
        parts = [part for t, part in self._parts.items() if begin + _EDGE_S < t <= end + _EDGE_S]
        answered: dict[RequestKey, Requests] = {}
        ended: dict[RequestKey, Requests] = {}
        for part in parts:
            _merge(answered, part.answered)
            _merge(ended, part.ended)
        none = Requests(0, 0, Histogram())
        requests = {
            each: replace(answered.get(each, none), ended_within=ended.get(each, none).ended)
            for each in dict.fromkeys([*answered, *ended])
        }
        seconds = round(sum(part.length for part in parts), 6)
        return StageRecord(name, seconds, requests, tuple(part.second for part in parts))

    def dispatch(self, users: int) -> Dispatch:
        # a driver that died did not report what its arrivals waited for
        left = UnfinishedArrivals(waiting=self._scheduled - self._sent)
        if self._closed is not None:
            left = self._closed.unfinished

        def at(histogram: Histogram, q: float) -> float:
            return histogram.quantile(q, beyond=0) or 0.0

        return Dispatch(
            scheduled=self._scheduled,
            sent=self._sent,
            waiting=left.waiting,
            undispatched=left.undispatched,
            lag_p99_s=at(self._lag, 0.99),
            wait_p99_s=at(self._wait, 0.99),
            users=users,
            unanswered=left.unanswered,
            without_request=left.without_request,
            under_way_before_s=round(self._before_s, 6),
            under_way_after_s=round(self._after_s, 6),
            lag=self._lag,
        )


def _stages(load: OpenLoad, warmup_s: float) -> Iterator[tuple[str | None, float, float]]:
    """Name, begin and end of each stage that may be asked for."""
    if len(load.stages) == 1 and load.stages[0].name is None:
        return
    begin = warmup_s
    for planned in load.stages:
        assert planned.duration_s is not None
        yield planned.name, begin, begin + planned.duration_s
        begin += planned.duration_s


def _merge(totals: dict[RequestKey, Requests], more: Mapping[RequestKey, Requests]) -> None:
    for key, requests in more.items():
        known = totals.get(key)
        totals[key] = Requests.together((known, requests) if known else (requests,))
