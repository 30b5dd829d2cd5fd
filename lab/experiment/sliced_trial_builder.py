"""The record of one trial of load whose window was cut into slices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from lab.driver_messages import LaneEnded, LaneReady, RequestKey, SliceEnded
from lab.experiment.driver_message_conversion import faults_at_end, requests_of
from lab.hypothesis import ClosedLoad
from lab.instruments.instrument_interfaces import SliceReading
from lab.prometheus.selector import Selector
from lab.stats.nearest_rank import quantile
from lab.trials.serialization import requests_to_record
from lab.trials.trial import LoadEvidence, LoadSlice, Requests, SliceRequests


class SliceSurroundings(NamedTuple):
    """What there was beside the load of a slice, in seconds."""

    idle_after_s: float  # for which the next slice waited until the arm was idle
    took_s: float  # the slice with all that belongs to it
    others_cpu_s: float  # of processor time, by the other arms


class SlicedRecordBuilder:
    """Adds up the slices of one arm in one block.

    Attributes:
        task_errors: Faults of the scenario, with counts.
        warmup_errors: Errors of requests before the first slice, with counts.
        window_s: The users' own time in all slices, seconds.
        between: Requests that the scenario sent between slices.
    """

    def __init__(self, load: ClosedLoad, selectors: Sequence[str]) -> None:
        """Nothing was recorded yet.

        Args:
            load: How many users there should be.
            selectors: Of the counters that are kept of each slice by itself.
        """
        self.task_errors: Counter[str] = Counter()
        self.warmup_errors: Counter[str] = Counter()
        self.window_s = 0.0
        self.between = 0
        self._users = load.users
        self._selectors = [Selector.parse(text) for text in selectors]
        self._lasted_s = 0.0
        self._missing = 0
        self._requests: dict[RequestKey, Requests] = {}
        self._errors: Counter[str] = Counter()
        self._counters: Counter[str] = Counter()
        self._ticker_lateness: list[float] = []
        self._arm_requests: int | None = None
        self._foreign_hosts: Counter[str] = Counter()
        self._slices: list[LoadSlice] = []
        self._latest: Mapping[RequestKey, Requests] = {}  # of the latest slice

    def ready(self, message: LaneReady) -> None:
        """Note the errors of the warm-up."""
        self.warmup_errors.update(message.errors)

    def add(
        self, position: int, message: SliceEnded, reading: SliceReading, around: SliceSurroundings
    ) -> None:
        """Add a slice.

        Args:
            position: In the order of all slices of the block.
            message: What the driver recorded.
            reading: What was observed of the arm.
            around: What there was beside it.
        """
        lasted_s = message.ended - message.opened
        self.window_s += message.user_s
        self.between += message.between
        self._lasted_s += lasted_s
        self._missing = max(self._missing, self._users - message.users)
        if not message.completed:
            self._missing = self._users
        ended = self._latest = requests_of(message.requests)
        for key, seen in ended.items():
            known = self._requests.get(key)
            self._requests[key] = Requests.together((known, seen)) if known else seen
        self._count(message)
        if message.arm_requests is not None:
            self._arm_requests = (self._arm_requests or 0) + message.arm_requests
        self._ticker_lateness += message.ticker_lateness
        for series, grown in reading.counters.items():
            self._counters[series] += grown  # type: ignore[assignment]
        kept = {
            series: grown
            for series, grown in reading.counters.items()
            if any(selector.matches(series) for selector in self._selectors)
        }
        self._slices.append(
            LoadSlice(
                position=position,
                seconds=round(message.user_s, 6),
                lasted_s=round(lasted_s, 6),
                idle_after_s=round(around.idle_after_s, 6),
                took_s=round(around.took_s, 6),
                others_cpu_s=round(around.others_cpu_s, 6),
                requests={key: _summary(seen) for key, seen in ended.items()},
                counters=kept,
                cpu_s=dict(reading.cpu_s),
            )
        )

    def close(self, message: LaneEnded) -> None:
        """Note that the trial has ended, and what no slice has reported."""
        if not message.drained:
            self._missing = self._users
        self._count(replace(message, task_errors=faults_at_end(message, self.task_errors)))

    def row(self, message: SliceEnded) -> dict[str, Any]:
        """The latest slice as a row of the series; its time is that of the slices so far."""
        row: dict[str, Any] = {
            "t": round(self._lasted_s, 6),
            "window": True,
            "requests": requests_to_record(self._latest),
        }
        if message.driver_cpu is not None:
            row["driver_cpu"] = message.driver_cpu
        return row

    def evidence(self) -> LoadEvidence:
        """All that was added."""
        return LoadEvidence(
            requests=self._requests,
            counters=dict(self._counters),
            errors=dict(self._errors),
            ticker_late_p99_s=quantile(self._ticker_lateness, 0.99) or 0.0,
            users_missing=self._missing,
            arm_requests=self._arm_requests,
            foreign_hosts=dict(self._foreign_hosts),
            slices=tuple(self._slices),
        )

    def _count(self, message: SliceEnded | LaneEnded) -> None:
        self._errors.update(message.errors)
        self.task_errors.update(message.task_errors)
        self._foreign_hosts.update(message.foreign_hosts)


def _summary(seen: Requests) -> SliceRequests:
    return SliceRequests(seen.count, seen.errors, seen.service_latency.mean)
