"""The driver's frames of one trial, added up."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lab.hypothesis import ClosedLoad, OpenLoad
from lab.stats.histogram import Histogram
from lab.trial import Dispatch, Requests, StageRecord, Trial

_EDGE_S = 1e-6  # frames tell their ends to this


class Tally:
    """What the window held. Feed it every frame, and the closing."""

    def __init__(self, load: ClosedLoad | OpenLoad, warmup_s: float) -> None:
        self.task_errors: Counter[str] = Counter()
        self.rate = 0.0  # requests a second in the last frame
        self._load = load
        self._drained = True
        self._users: list[int] = []  # at the end of each second
        self._requests: dict[str, Requests] = {}
        self._errors: Counter[str] = Counter()
        self._late: list[float] = []
        self._until = 0.0
        self._dispatch = _Dispatching() if isinstance(load, OpenLoad) else None
        self._stages = _stages(load, warmup_s)

    def add(self, frame: Mapping[str, Any]) -> None:
        """One frame, of the warm-up or of the window."""
        seen = {name: Requests.from_dict(data) for name, data in frame["requests"].items()}
        length, self._until = frame["t"] - self._until, frame["t"]
        self.rate = sum(requests.count for requests in seen.values()) / max(length, 1e-9)
        self.task_errors.update(frame["task_errors"])
        if self._dispatch is not None:
            self._dispatch.add(frame["arrivals"], frame["window"])
        if not frame["window"]:
            return
        self._late += frame["late"]
        self._users.append(frame["users"])
        self._errors.update(frame["errors"])
        _merge(self._requests, seen)
        for stage in self._stages:
            if stage.begin + _EDGE_S < frame["t"] <= stage.end + _EDGE_S:
                stage.add(length, seen)

    def close(self, message: Mapping[str, Any]) -> None:
        """The trial has ended as planned."""
        self._drained = message["drained"]
        if self._dispatch is not None:
            self._dispatch.left = message["waiting"], message["undispatched"]

    def into(self, trial: Trial) -> Trial:
        """The trial with all of it."""
        late = sorted(self._late)
        most = max(self._users, default=0)
        missing = 0
        if isinstance(self._load, ClosedLoad):
            most = self._load.users
            missing = most - min(self._users, default=most)
        return replace(
            trial,
            requests=self._requests,
            errors=dict(self._errors),
            ticker_late_p99_s=late[math.ceil(len(late) * 0.99) - 1] if late else 0.0,
            users_missing=missing if self._drained else most,
            dispatch=None if self._dispatch is None else self._dispatch.record(most),
            stages=tuple(stage.record() for stage in self._stages),
        )


class _Dispatching:
    """Arrivals of the window. What was overdue when it opened was still to be sent."""

    def __init__(self) -> None:
        self.left: tuple[int, int] | None = None  # waiting and undispatched, once closed
        self._scheduled = self._sent = 0
        self._lag, self._wait = Histogram(), Histogram()

    def add(self, seen: Mapping[str, Any], window: bool) -> None:
        self._scheduled += seen["scheduled"]
        self._sent += seen["sent"]
        if window:
            self._lag.merge(Histogram.from_dict(seen["lag"]))
            self._wait.merge(Histogram.from_dict(seen["wait"]))
        else:  # leave only what is overdue
            self._scheduled -= self._sent
            self._sent = 0

    def record(self, users: int) -> Dispatch:
        # a driver that died cannot tell what its arrivals waited for
        waiting, undispatched = self.left or (self._scheduled - self._sent, 0)

        def at(histogram: Histogram, q: float) -> float:
            return histogram.quantile(q, beyond=0) or 0.0

        return Dispatch(
            scheduled=self._scheduled,
            sent=self._sent,
            waiting=waiting,
            undispatched=undispatched,
            lag_p50_s=at(self._lag, 0.5),
            lag_p99_s=at(self._lag, 0.99),
            lag_max_s=self._lag.max or 0.0,
            wait_p99_s=at(self._wait, 0.99),
            users=users,
        )


class _Stage:
    """A stage, its seconds added up."""

    def __init__(self, name: str | None, begin: float, end: float) -> None:
        self.name, self.begin, self.end = name, begin, end
        self._seconds = 0.0
        self._requests: dict[str, Requests] = {}
        self._medians: list[tuple[float, float | None]] = []

    def add(self, length: float, seen: Mapping[str, Requests]) -> None:
        self._seconds += length
        _merge(self._requests, seen)
        # a second is compared with others, never judged by itself: a thin sample may count
        median = Requests.together(seen.values()).latency.quantile(0.5, beyond=0)
        self._medians.append((round(length, 6), median))

    def record(self) -> StageRecord:
        return StageRecord(self.name, round(self._seconds, 6), self._requests, tuple(self._medians))


def _stages(load: ClosedLoad | OpenLoad, warmup_s: float) -> list[_Stage]:
    if not isinstance(load, OpenLoad) or len(load.stages) == 1:
        return []
    stages, begin = [], warmup_s
    for planned in load.stages:
        assert planned.duration_s is not None
        stages.append(_Stage(planned.name, begin, begin + planned.duration_s))
        begin += planned.duration_s
    return stages


def _merge(totals: dict[str, Requests], more: Mapping[str, Requests]) -> None:
    for name, requests in more.items():
        known = totals.get(name)
        totals[name] = Requests.together((known, requests) if known else (requests,))
