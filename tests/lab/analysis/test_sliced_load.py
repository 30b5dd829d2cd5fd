"""Arms compared slice by slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from lab.analysis.sliced_load import slice_values
from lab.analysis.sliced_values import paired_ratio
from lab.driver_messages import RequestKey
from lab.hypothesis import Metric, MetricRate, MetricRatio
from lab.trials.trial import LoadEvidence, LoadSlice, SliceRequests, Trial

READ, WRITE = RequestKey("/orders", "GET"), RequestKey("/orders", "POST")
DEFINITIONS: Mapping[str, Metric] = {
    "wait_share": MetricRatio("wait_seconds_sum", 'busy_seconds_sum{route="/orders"}'),
    "queries": MetricRate("queries_total"),
}


def one(position: int, count: int, seconds: float = 0.5, errors: int = 0) -> LoadSlice:
    return LoadSlice(
        position=position,
        seconds=seconds,
        lasted_s=0.55,
        idle_after_s=0.01,
        took_s=0.3,
        others_cpu_s=0.002,
        requests={
            READ: SliceRequests(count, errors, 0.010),
            WRITE: SliceRequests(2 * count, 0, 0.040),
            RequestKey("pushed"): SliceRequests(1, 0, None),
        },
        counters={
            "wait_seconds_sum": 0.1 * count,
            'busy_seconds_sum{route="/orders"}': 0.4 * count,
            'busy_seconds_sum{route="/"}': 100.0,
            "queries_total": 3.0 * count,
        },
        cpu_s={"service": 0.11, "driver": 0.2},
    )


def trial(slices: Sequence[LoadSlice]) -> Trial:
    return Trial(1, 1, "a", 0.0, 4.0, evidence=LoadEvidence(slices=tuple(slices)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("throughput", (10 + 20 - 1 + 1) / 0.5),
        ('throughput{name="/orders"}', (10 + 20 - 1) / 0.5),
        ('throughput{method="POST"}', 20 / 0.5),
        ("error_rate", 1 / 31),
        ('error_rate{name="/orders", method="GET"}', 0.1),
        ("latency_mean", (10 * 0.010 + 20 * 0.040) / 30),
        ('service_latency_mean{method="GET"}', 0.010),
        ("cpu", 0.2),
        ("wait_share", 0.25),
        ("queries", 60.0),
    ],
)
def test_measures_of_a_slice(name: str, value: float) -> None:
    seen = slice_values(trial([one(1, 10, errors=1)] * 2), name, DEFINITIONS)
    assert seen == pytest.approx([value, value])


@pytest.mark.parametrize(
    "name", ["latency_p99", "rss_bytes", "descriptors", 'throughput{name="/none"}']
)
def test_what_a_slice_is_too_short_for_has_no_value(name: str) -> None:
    assert slice_values(trial([one(1, 10)]), name, DEFINITIONS) is None


def test_the_ratio_is_that_of_neighbours() -> None:
    """The machine halves its speed for some rounds, and once within a round."""
    speeds = [10, 20, 20, 10, 10, 20, 20]
    first = trial([one(i, speed) for i, speed in enumerate(speeds)])
    second = trial([one(i, 3 * speed) for i, speed in enumerate([20, *speeds[1:]])])
    found = paired_ratio(first, second, 'throughput{name="/orders"}', DEFINITIONS)
    assert found == pytest.approx(3.0)


def test_without_slices_there_is_no_ratio() -> None:
    sliced, whole = trial([one(1, 10)]), trial([])
    failed = Trial(1, 1, "a", 0.0, 4.0)
    empty = trial([one(1, 0)])
    for other in (whole, failed, trial([one(1, 10)] * 2)):
        assert paired_ratio(sliced, other, "throughput", {}) is None
        assert paired_ratio(other, sliced, "throughput", {}) is None
    assert paired_ratio(sliced, empty, 'throughput{name="/orders"}', {}) is None
