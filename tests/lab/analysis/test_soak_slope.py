"""The growth of a soak's series: over blocks, of one block alone, and what it must not be."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from lab.analysis import soak_slope
from lab.analysis.estimate import SlopeEstimate
from lab.hypothesis import Bound, Comparison, Prediction, Step
from lab.plan import ALPHA
from lab.trial import SoakEvidence, TimeSeries, Trial
from tests.proof import soak as proof

RNG = np.random.default_rng(11)
LENGTH = 180  # intervals of five seconds: a quarter of an hour
AT_LEAST = Bound(at_least=5e6)
PAIR = Prediction(
    "grows", "", AT_LEAST, compare=Comparison("with", "without", "-"), slope="rss_bytes"
)
ONE = Prediction("grows", "", AT_LEAST, arm="with", slope="rss_bytes")


def course(growth: float, segments: np.ndarray | None = None, shape: str = "line") -> TimeSeries:
    """`growth` MB an hour, with noise."""
    times = np.arange(1, LENGTH + 1, dtype=np.float64) * 5.0
    hours = times / 3600
    grown = {
        "line": growth * hours,
        "stops": growth * np.minimum(hours, hours[-1] * 0.55),
        "fills": growth * 0.05 * (1 - np.exp(-hours / 0.05)),
    }[shape]
    if segments is None:
        segments = np.zeros(LENGTH, dtype=np.int64)
    values = 1e6 * (100 + grown + RNG.normal(0, 0.2, LENGTH) + 7.0 * segments)
    return TimeSeries(times, segments, {"rss_bytes": values, 'rooms{kind="a"}': times})


def blocks(
    count: int, *, suspect: Callable[[], TimeSeries], control: float = 0.0
) -> list[soak_slope.Block]:
    def life(arm: str, block: int, recorded: TimeSeries) -> tuple[Trial, ...]:
        return (Trial(block, 1, arm, 0.0, 900.0, evidence=SoakEvidence(time_series=recorded)),)

    return [
        {
            Step("with"): life("with", block, suspect()),
            Step("without"): life("without", block, course(control)),
        }
        for block in range(1, count + 1)
    ]


def test_a_leak_is_found_over_blocks_and_in_one_alone() -> None:
    for prediction, count in ((PAIR, 4), (ONE, 4), (ONE, 1)):
        found = soak_slope.growth(prediction, blocks(count, suspect=lambda: course(60)), 0.01)
        assert found is not None
        assert found.low < 60e6 < found.high
        assert found.no_leak_reason is None
        assert found.meets(AT_LEAST)
        assert found.misses(Bound(at_most=5e6))


def test_what_both_arms_do_is_no_difference() -> None:
    found = soak_slope.growth(PAIR, blocks(4, suspect=lambda: course(60), control=60), 0.01)
    assert found is not None
    assert found.low < 0 < found.high
    assert found.misses(Bound(at_least=20e6))
    assert not found.meets(AT_LEAST)


@pytest.mark.parametrize("shape", ["stops", "fills"])
def test_a_leak_that_stops_is_not_a_leak(shape: str) -> None:
    found = soak_slope.growth(PAIR, blocks(4, suspect=lambda: course(300, shape=shape)), 0.01)
    assert found is not None
    assert found.low > 5e6
    assert found.no_leak_reason is not None
    assert not found.meets(AT_LEAST)
    assert not found.misses(Bound(at_most=5e6))


def test_a_restart_has_its_own_intercept_and_the_slope_goes_on() -> None:
    halves = np.repeat([0, 1], LENGTH // 2)
    found = soak_slope.growth(PAIR, blocks(4, suspect=lambda: course(60, halves)), 0.01)
    assert found is not None
    assert found.low < 60e6 < found.high
    assert found.meets(AT_LEAST)


def test_blocks_that_were_cut_at_different_places_are_judged_together() -> None:
    cuts = iter((30, 75, 120, 160))
    found = soak_slope.growth(
        PAIR,
        blocks(4, suspect=lambda: course(60, (np.arange(LENGTH) >= next(cuts)).astype(np.int64))),
        0.01,
    )
    assert found is not None
    assert found.low < 60e6 < found.high
    assert found.meets(AT_LEAST)


def test_no_evidence_is_no_estimate() -> None:
    gone = Prediction("x", "", AT_LEAST, arm="with", slope="never_seen")
    assert soak_slope.growth(gone, blocks(4, suspect=lambda: course(1)), 0.01) is None
    assert soak_slope.growth(ONE, [], 0.01) is None


def test_a_gauge_is_named_by_a_selector() -> None:
    recorded = course(0)
    assert recorded.series("rooms") is not None
    assert recorded.series('rooms{kind="a"}') is not None
    assert recorded.series('rooms{kind="b"}') is None


def test_the_proof_judges_as_the_lab_does() -> None:
    """Its series are judged all at once; here are twenty of them, one by one."""
    length, runs = LENGTH, 20
    noise = proof.NULLS["AR .9"]
    hours = np.arange(length) * 5.0 / 3600
    suspects = [noise(RNG, runs, length) + 300 * hours for _ in range(4)]
    controls = [noise(RNG, runs, length) for _ in range(4)]
    _, share = proof._confirmation(suspects, controls)
    zeros = np.zeros(length, dtype=np.int64)

    def recorded(values: np.ndarray) -> SoakEvidence:
        series = {"rss_bytes": values}
        return SoakEvidence(time_series=TimeSeries(hours * 3600, zeros, series))

    called = []
    for run in range(runs):
        made = [
            {
                Step(arm): (Trial(1, 1, arm, 0, 1, evidence=recorded(own)),)
                for arm, own in (("with", suspects[k][run]), ("without", controls[k][run]))
            }
            for k in range(4)
        ]
        found = soak_slope.growth(PAIR, made, ALPHA)
        assert found is not None
        called.append(found.low > 0 and found.no_leak_reason is None)
    assert np.mean(called) == pytest.approx(share)
    assert share > 0


def test_what_can_be_detected_shrinks_with_time_and_grows_with_noise() -> None:
    def least(hours: float, scatter: float = 1e6, walk: float = 1e6) -> float:
        noise = soak_slope.Noise(scatter, walk, "")
        return soak_slope.detectable(noise, hours * 3600, 5.0, 4, True, 0.01)

    assert least(0.17) > 10e6  # ten minutes cannot confirm 10 MB/h
    assert least(1) > least(8) > least(24) > 0
    assert least(1, scatter=2e6) > least(1)
    assert least(1, walk=2e6) > least(1)


def test_noise_is_read_off_a_record_and_not_its_slope() -> None:
    for growth in (0.0, 500.0):
        found = soak_slope.noise_of(
            {"a": [course(growth) for _ in range(8)]}, "rss_bytes", "a test"
        )
        assert found is not None
        assert found.scatter == pytest.approx(0.2e6, rel=0.1)  # of an interval, not of a bin
        assert found.walk < 3e6
    lives = {"a": [course(slope) for slope in (10, 60, -30, 40)]}
    unlike = soak_slope.noise_of(lives, "rss_bytes", "a test")
    assert unlike is not None
    assert unlike.walk > 10e6  # slopes that differ from life to life hide another


def test_the_time_to_a_limit_comes_with_the_interval_of_the_slope() -> None:
    made = blocks(4, suspect=lambda: course(60))
    found = soak_slope.exhausted("with", "rss_bytes", 700e6, made, 0.01)
    assert found is not None
    assert found.soonest < found.hours < found.latest
    assert found.hours == pytest.approx(10, rel=0.05)
    level = soak_slope.exhausted("without", "rss_bytes", 700e6, made, 0.01)
    assert level is not None
    assert level.latest == math.inf


def test_falls_of_a_sawtooth_are_counted() -> None:
    times = np.arange(1.0, 121.0)
    saw = TimeSeries(times, np.zeros(120, dtype=np.int64), {"heap": times % 20})
    found = soak_slope.teeth([saw], "heap")
    assert found is not None
    assert (found.falls, found.depth) == (6, 19)
    assert soak_slope.teeth([course(60)], "rss_bytes") is None


@pytest.mark.parametrize(
    ("low", "high", "bound", "flaw", "meets", "misses"),
    [
        (6, 9, Bound(at_least=5), None, True, False),
        (6, 9, Bound(at_least=5), "stops", False, False),
        (6, 9, Bound(within=(5, 10)), "stops", False, False),
        (6, 9, Bound(within=(5, 10)), None, True, False),
        (-9, 4, Bound(at_least=5), "stops", False, True),
        (-9, 4, Bound(at_most=5), "stops", True, False),
        (6, 9, Bound(at_most=5), None, False, True),
        (6, 9, Bound(at_most=5), "stops", False, False),
        (-9, -6, Bound(within=(-5, 5)), "stops", False, True),
        (6, 9, Bound(within=(-5, 5)), "stops", False, False),
        (-1, 1, Bound(within=(-5, 5)), "stops", True, False),
    ],
)
def test_that_something_grows_is_said_of_the_shape_of_a_leak_only(
    low: float, high: float, bound: Bound, flaw: str | None, meets: bool, misses: bool
) -> None:
    found = SlopeEstimate((low + high) / 2, low, high, flaw)
    assert (found.meets(bound), found.misses(bound)) == (meets, misses)
