"""The records of the driver protocol in terms of the lab's own, and as rows of a time series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.driver_messages import (
    ArrivalSummary,
    Closed,
    ClosedLoadSpec,
    Frame,
    LaneEnded,
    LoadSpec,
    OpenLoadSpec,
    RateStage,
    RequestKey,
    RequestSummary,
)
from lab.hypothesis import ClosedLoad, OpenLoad
from lab.trials.serialization import requests_to_record
from lab.trials.trial import Requests

ENDED_EARLY = "ended the trial early"
"""A fault of the scenario, of which nothing more is known; it continues "The scenario"."""


def load_spec(load: ClosedLoad | OpenLoad) -> LoadSpec:
    """The load of a hypothesis as the driver gets it; the duration of every stage is known."""
    if isinstance(load, ClosedLoad):
        return ClosedLoadSpec(load.users)
    stages = []
    for stage in load.stages:
        assert stage.duration_s is not None
        stages.append(RateStage(stage.from_rate, stage.to_rate, stage.duration_s))
    return OpenLoadSpec(load.arrivals, tuple(stages), load.max_users)


def requests_of(summaries: Mapping[RequestKey, RequestSummary]) -> dict[RequestKey, Requests]:
    """Requests as a trial keeps them."""
    return {
        key: Requests(
            seen.count, seen.errors, seen.latency, seen.socket_errors, seen.service_latency
        )
        for key, seen in summaries.items()
    }


def faults_at_end(ended: Closed | LaneEnded, before: Mapping[str, int]) -> Mapping[str, int]:
    """Faults of the scenario in the last message of a trial, with counts.

    An early end without a reason is one of them: what is there is that of a part of the window.

    Args:
        ended: The message.
        before: Those of the messages before it.
    """
    has_reason = bool(before or ended.task_errors)
    if isinstance(ended, Closed):
        has_reason = has_reason or any(end.fault for end in ended.worker_ends)
    return {ENDED_EARLY: 1} if ended.early and not has_reason else ended.task_errors


def series_row(frame: Frame) -> dict[str, Any]:
    """What the series file of a trial keeps of a frame, as plain JSON types."""
    row: dict[str, Any] = {
        "t": frame.t,
        "window": frame.in_window,
        "requests": requests_to_record(requests_of(frame.requests)),
    }
    if frame.arrivals is not None:
        row["arrivals"] = _arrivals(frame.arrivals)
    if frame.driver_cpu is not None:
        row["driver_cpu"] = frame.driver_cpu
    return row


def _arrivals(seen: ArrivalSummary) -> dict[str, Any]:
    return {**vars(seen), "lag": seen.lag.as_dict(), "wait": seen.wait.as_dict()}
