"""The driver's frames of one trial, added up."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lab.hypothesis import ClosedLoad, OpenLoad
from lab.stats.histogram import Histogram
from lab.trial import ArrivalSecond, Dispatch, LoadEvidence, Requests, StageRecord, Trial

_EDGE_S = 1e-6  # frames tell their ends to this


class LoadRecordBuilder:
    """What the window held. Feed it every frame, and the closing."""

    def __init__(self, load: ClosedLoad | OpenLoad, warmup_s: float) -> None:
        self.task_errors: Counter[str] = Counter()
        self.rate = 0.0  # requests a second in the last frame
        self._load = load
        self._warmup_s = warmup_s
        self._drained = True
        self._users: list[int] = []  # at the end of each second
        self._requests: dict[str, Requests] = {}
        self._errors: Counter[str] = Counter()
        self._late: list[float] = []
        self._until = 0.0
        self._open = _Arrivals() if isinstance(load, OpenLoad) else None

    def add(self, frame: Mapping[str, Any]) -> None:
        """One frame, of the warm-up or of the window."""
        seen = _requests(frame["requests"])
        length, self._until = frame["t"] - self._until, frame["t"]
        self.rate = sum(requests.count for requests in seen.values()) / max(length, 1e-9)
        self.task_errors.update(frame["task_errors"])
        if self._open is not None:
            self._open.add(frame, length, seen)
        if not frame["window"]:
            return
        self._late += frame["late"]
        self._users.append(frame["users"])
        self._errors.update(frame["errors"])
        _merge(self._requests, seen)

    def close(self, message: Mapping[str, Any]) -> None:
        """The trial has ended as planned."""
        self._drained = message["drained"]
        if self._open is not None:
            self._errors.update(message["errors"])
            self.task_errors.update(message["task_errors"])
            self._open.close(message)

    def into(self, trial: Trial) -> Trial:
        """The trial with all of it."""
        return replace(trial, evidence=self.evidence())

    def evidence(self) -> LoadEvidence:
        """All of it."""
        late = sorted(self._late)
        most = max(self._users, default=0)
        missing = 0
        if isinstance(self._load, ClosedLoad):
            most = self._load.users
            missing = most - min(self._users, default=most)
        evidence = LoadEvidence(
            requests=self._requests,
            errors=dict(self._errors),
            ticker_late_p99_s=late[math.ceil(len(late) * 0.99) - 1] if late else 0.0,
            users_missing=missing if self._drained else most,
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
    """What became of the arrivals that were due in one frame, and what ended in it."""

    def __init__(self, length: float, due: int, ended: Mapping[str, Requests]) -> None:
        self.length, self.due, self.ended = length, due, ended
        self.answered: dict[str, Requests] = {}

    @property
    def second(self) -> ArrivalSecond:
        """Its median, in which an arrival that was never answered counts as the longest."""
        latency = Requests.together(self.answered.values()).latency
        rank = math.ceil(max(self.due, latency.count) / 2)
        median = None
        if 0 < rank <= latency.count:
            # a second is compared with others, never judged by itself: a thin sample may count
            median = latency.quantile((rank - 0.5) / latency.count, beyond=0)
        return ArrivalSecond(round(self.length, 6), median, self.due)


class _Arrivals:
    """Arrivals by when they were due. What was overdue when the window opened was still to send."""

    def __init__(self) -> None:
        self._left: Mapping[str, Any] = {}  # once closed
        self._parts: dict[float, _Part] = {}  # by their ends
        self._scheduled = self._sent = 0
        self._before_s = self._after_s = 0.0
        self._lag, self._wait = Histogram(), Histogram()

    def add(self, frame: Mapping[str, Any], length: float, ended: Mapping[str, Requests]) -> None:
        seen = frame["arrivals"]
        self._parts[frame["t"]] = _Part(length, seen["scheduled"], ended)
        self._answer(frame["due"])
        self._scheduled += seen["scheduled"]
        self._sent += seen["sent"]
        if frame["window"]:
            self._after_s = seen["under_way_s"]
            self._lag.merge(Histogram.from_dict(seen["lag"]))
            self._wait.merge(Histogram.from_dict(seen["wait"]))
        else:  # leave only what is overdue
            self._before_s = seen["under_way_s"]
            self._scheduled -= self._sent
            self._sent = 0

    def close(self, message: Mapping[str, Any]) -> None:
        self._answer(message["due"])
        self._left = message

    def _answer(self, due: Sequence[tuple[float, Mapping[str, Any]]]) -> None:
        for end, requests in due:
            _merge(self._parts[end].answered, _requests(requests))

    def stage(self, name: str | None, begin: float, end: float) -> StageRecord:
        """What there is between two edges."""
        parts = [part for t, part in self._parts.items() if begin + _EDGE_S < t <= end + _EDGE_S]
        answered: dict[str, Requests] = {}
        ended: dict[str, Requests] = {}
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
        # a driver that died cannot tell what its arrivals waited for
        waiting = self._left.get("waiting", self._scheduled - self._sent)

        def at(histogram: Histogram, q: float) -> float:
            return histogram.quantile(q, beyond=0) or 0.0

        return Dispatch(
            scheduled=self._scheduled,
            sent=self._sent,
            waiting=waiting,
            undispatched=self._left.get("undispatched", 0),
            lag_p99_s=at(self._lag, 0.99),
            wait_p99_s=at(self._wait, 0.99),
            users=users,
            unanswered=self._left.get("unanswered", 0),
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


def _requests(told: Mapping[str, Any]) -> dict[str, Requests]:
    return {name: Requests.from_dict(data) for name, data in told.items()}


def _merge(totals: dict[str, Requests], more: Mapping[str, Requests]) -> None:
    for name, requests in more.items():
        known = totals.get(name)
        totals[name] = Requests.together((known, requests) if known else (requests,))
