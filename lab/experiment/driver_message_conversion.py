"""The records of the driver protocol in terms of the lab's own, and as rows of a time series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.driver_messages import (
    ArrivalSummary,
    ClosedLoadSpec,
    Frame,
    LoadSpec,
    OpenLoadSpec,
    RateStage,
    RequestKey,
    RequestSummary,
)
from lab.hypothesis import ClosedLoad, OpenLoad
from lab.trial import Requests
from lab.trial_serialization import requests_to_record


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
