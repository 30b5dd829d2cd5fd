"""The slope of a soak's series: over blocks, of one block alone, and what is no leak."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from lab.analysis.estimate import SlopeEstimate
from lab.hypothesis import Bound, Step
from lab.trials.block_grouping import Block
from lab.trials.plan import ALPHA
from lab.trials.time_series import TimeSeries
from tests.default_margins import estimate_slope
from tests.oracles.soaks import INTERVALS, Shape, memory_series, soak_blocks, soak_trial
from tests.proof import soak as proof

AT_LEAST = Bound(at_least=5e6)
DIFFERENCE = ("with", "without")
ONE_ARM = ("with",)


@pytest.fixture
def rng() -> np.random.Generator:
    """A source that gives the same numbers each time."""
    return np.random.default_rng(3)


def estimate(blocks: Sequence[Block], arms: Sequence[str] = DIFFERENCE) -> SlopeEstimate:
    found = estimate_slope("rss_bytes", arms, blocks, 0.01)
    assert found is not None
    return found


@pytest.mark.parametrize(("arms", "count"), [(DIFFERENCE, 4), (ONE_ARM, 4), (ONE_ARM, 1)])
def test_a_leak_is_found_over_blocks_and_in_one_alone(
    rng: np.random.Generator, arms: Sequence[str], count: int
) -> None:
    found = estimate(soak_blocks(rng, count, lambda: memory_series(rng, 60)), arms)
    assert found.low < 60e6 < found.high
    assert found.no_leak_reason is None
    assert found.meets(AT_LEAST)
    assert found.misses(Bound(at_most=5e6))


def test_equal_slopes_of_both_arms_are_no_difference(rng: np.random.Generator) -> None:
    found = estimate(soak_blocks(rng, 4, lambda: memory_series(rng, 60), control_slope=60))
    assert found.low < 0 < found.high
    assert found.misses(Bound(at_least=20e6))
    assert not found.meets(AT_LEAST)


@pytest.mark.parametrize("shape", ["stops", "fills"])
def test_a_leak_that_stops_is_not_a_leak(rng: np.random.Generator, shape: Shape) -> None:
    found = estimate(soak_blocks(rng, 4, lambda: memory_series(rng, 300, shape=shape)))
    assert found.low > 5e6
    assert found.no_leak_reason is not None
    assert not found.meets(AT_LEAST)
    assert not found.misses(Bound(at_most=5e6))


def test_a_restart_begins_a_segment_with_the_same_slope(rng: np.random.Generator) -> None:
    halves = np.repeat([0, 1], INTERVALS // 2)
    found = estimate(soak_blocks(rng, 4, lambda: memory_series(rng, 60, halves)))
    assert found.low < 60e6 < found.high
    assert found.meets(AT_LEAST)


def test_restarts_that_leave_no_stretch_long_enough_are_the_reason(
    rng: np.random.Generator,
) -> None:
    pieces = np.repeat(np.arange(9), INTERVALS // 9)
    found = estimate(soak_blocks(rng, 4, lambda: memory_series(rng, 60, pieces)))
    assert found.no_leak_reason is not None
    assert found.no_leak_reason.startswith("restarts left no stretch of it long enough")
    assert not found.meets(AT_LEAST)


def test_blocks_with_restarts_at_different_times_are_judged_together(
    rng: np.random.Generator,
) -> None:
    restarts = iter((30, 75, 120, 160))

    def suspect() -> TimeSeries:
        segments = (np.arange(INTERVALS) >= next(restarts)).astype(np.int64)
        return memory_series(rng, 60, segments)

    found = estimate(soak_blocks(rng, 4, suspect))
    assert found.low < 60e6 < found.high
    assert found.meets(AT_LEAST)


def test_no_evidence_is_no_estimate(rng: np.random.Generator) -> None:
    blocks = soak_blocks(rng, 4, lambda: memory_series(rng, 1))
    assert estimate_slope("never_recorded", ONE_ARM, blocks, 0.01) is None
    assert estimate_slope("rss_bytes", ONE_ARM, [], 0.01) is None


def test_the_proof_judges_as_the_lab_does(rng: np.random.Generator) -> None:
    """The proof judges its series all at once; here are twenty of them, one by one."""
    length, runs = INTERVALS, 20
    noise = proof.NULLS["AR .9"]
    hours = np.arange(length) * 5.0 / 3600
    suspects = [noise(rng, runs, length) + 300 * hours for _ in range(4)]
    controls = [noise(rng, runs, length) for _ in range(4)]
    _, share = proof._confirmation(suspects, controls)
    zeros = np.zeros(length, dtype=np.int64)

    def step(arm: str, values: proof.Series) -> Block:
        recorded = TimeSeries(hours * 3600, zeros, {"rss_bytes": values})
        return {Step(arm): (soak_trial(arm, 1, recorded),)}

    leaks = []
    for run in range(runs):
        blocks = [
            {**step("with", suspects[k][run]), **step("without", controls[k][run])}
            for k in range(4)
        ]
        found = estimate_slope("rss_bytes", DIFFERENCE, blocks, ALPHA)
        assert found is not None
        leaks.append(found.low > 0 and found.no_leak_reason is None)
    assert np.mean(leaks) == pytest.approx(share)
    assert share > 0
