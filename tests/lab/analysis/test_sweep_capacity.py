"""Capacity, knee and peak over blocks of a sweep."""

import math
from dataclasses import replace

import pytest

from lab.analysis import sweep_capacity
from lab.analysis.estimate import Estimate
from lab.analysis.sweep_capacity import SWEEP_MEASURES, fall_over_blocks
from lab.decision_margins import BEFORE_SEALED
from lab.hypothesis import Bound
from lab.measures.table import Scope, names_of
from tests.default_margins import estimate_of_sweeps, ratio_of_sweeps
from tests.oracles.sweeps import (
    POOL,
    THINK_S,
    USERS,
    closed_curve,
    closed_curves,
    law_with_peak,
)

TAIL = 0.0022  # of one look, with an error of .01 over all looks


def test_a_pool_shows_capacity_and_knee() -> None:
    """31.25 per second; the knee is at 12.8 shoppers, where both bounds meet."""
    blocks = closed_curves(POOL, 4, THINK_S)
    capacity = estimate_of_sweeps(blocks, "peak_throughput", TAIL)
    knee = estimate_of_sweeps(blocks, "knee", TAIL)
    assert capacity is not None
    assert knee is not None
    assert capacity.estimate == pytest.approx(31.25, rel=0.04)
    assert knee.estimate == pytest.approx(31.25 * 0.41, rel=0.08)
    assert capacity.low < 31.25 < capacity.high


def test_a_planted_peak_is_found_over_blocks() -> None:
    """With an interval that a bound can be compared with."""
    found = estimate_of_sweeps(closed_curves(law_with_peak(0.05, 16), 6), "peak", TAIL)
    assert found is not None
    assert found.low < 16 < found.high < 24
    assert found.estimate == pytest.approx(16, rel=0.1)
    assert found.meets(Bound(within=(10, 24)))
    assert found.misses(Bound(at_least=30))


def test_no_peak_is_an_answer() -> None:
    """It lies beyond 64 / 1.5 users: "at least 40" is met, "at most 40" is missed."""
    found = estimate_of_sweeps(closed_curves(POOL, 6, THINK_S), "peak", TAIL)
    assert found == Estimate(math.inf, 64 / 1.5, math.inf)
    assert found.meets(Bound(at_least=40))
    assert found.misses(Bound(at_most=40))
    assert found.misses(Bound(within=(10, 40)))
    assert not found.meets(Bound(at_least=50))
    assert not found.misses(Bound(at_least=50))


def test_ruling_out_a_peak_takes_enough_blocks() -> None:
    """Four blocks might miss a peak by chance."""
    assert estimate_of_sweeps(closed_curves(POOL, 4, THINK_S), "peak", TAIL) is None


def test_blocks_that_disagree_on_a_peak_give_no_estimate() -> None:
    """Half show one, half do not."""
    mixed = closed_curves(law_with_peak(0.05, 16), 3) + closed_curves(POOL, 3)
    assert estimate_of_sweeps(mixed, "peak", TAIL) is None
    assert estimate_of_sweeps([None, None, None, *closed_curves(POOL, 3)], "peak", TAIL) is None


def test_a_slow_fall_behind_a_corner_is_no_absence_of_a_peak() -> None:
    """Each block is described by a curve that never falls, and ends within a tenth of its best."""
    blocks = [closed_curve([10.0, 20, 40, 80, 100, 96, 92])] * 12
    assert all(curve.peak == math.inf for curve in blocks)
    assert fall_over_blocks(blocks) == pytest.approx(0.08)
    assert estimate_of_sweeps(blocks, "peak", TAIL) is None
    earlier = sweep_capacity.estimate_of_sweeps(blocks, "peak", TAIL, BEFORE_SEALED.sweep)
    assert earlier == Estimate(math.inf, 64 / 1.5, math.inf), "as it was judged"
    slower = [closed_curve([10.0, 20, 40, 80, 100, 99, 98])] * 12
    assert estimate_of_sweeps(slower, "peak", TAIL) == earlier, "no more than noise"


def test_a_fall_is_that_of_the_mean_curve() -> None:
    """The best level of each block would be the one with the luckiest noise."""
    level = [
        closed_curve([10.0, 20, 40, 80, 100, 104, 100]),
        closed_curve([10.0, 20, 40, 80, 104, 100, 104]),
    ]
    assert fall_over_blocks(level) == pytest.approx(0, abs=1e-12)
    assert fall_over_blocks([closed_curve(USERS.tolist())]) == pytest.approx(-1)


def test_blocks_that_no_curve_describes_give_no_estimate() -> None:
    """A collapse: a peak that cannot be fitted is not the absence of a peak."""
    blocks = closed_curves([6.0, 12, 24, 31, 31, 15, 5], 12)
    assert estimate_of_sweeps(blocks, "peak", TAIL) is None


def test_arms_are_compared_within_blocks() -> None:
    """Twice the pool, twice the knee; noise that both arms share cancels."""
    narrow = closed_curves(POOL, 4, THINK_S)
    wide = [
        replace(
            block,
            throughput=tuple(
                min(2 * 31.25 * block.throughput[-1] / 31.25, n / 0.41) for n in USERS.tolist()
            ),
        )
        for block in narrow
    ]
    found = ratio_of_sweeps(wide, narrow, "peak_throughput", TAIL)
    assert found is not None
    assert found.estimate == pytest.approx(2, rel=0.05)
    assert ratio_of_sweeps([None, *wide[1:]], narrow, "knee", TAIL) is not None
    assert ratio_of_sweeps([None, None, *wide[2:]], narrow, "knee", TAIL) is None


def test_an_absent_peak_cannot_be_compared() -> None:
    """A peak over no peak is no ratio, a peak over a peak is."""
    assert (
        ratio_of_sweeps(
            closed_curves(law_with_peak(0.05, 16), 6), closed_curves(POOL, 6), "peak", TAIL
        )
        is None
    )
    twice = ratio_of_sweeps(
        closed_curves(law_with_peak(0.05, 20), 6, seed=2),
        closed_curves(law_with_peak(0.05, 10), 6),
        "peak",
        TAIL,
    )
    assert twice is not None
    assert twice.estimate == pytest.approx(2, rel=0.1)


def test_a_sweep_that_never_saturates_has_no_knee() -> None:
    """And no capacity: the highest throughput measured is not the highest possible."""
    blocks = closed_curves([n * 10 for n in USERS.tolist()], 6)
    assert estimate_of_sweeps(blocks, "knee", TAIL) is None
    assert estimate_of_sweeps(blocks, "peak_throughput", TAIL) is None


def test_measures_of_sweeps_are_those_that_a_file_may_name() -> None:
    """The parser knows the names, the analysis how to compute them."""
    assert tuple(SWEEP_MEASURES) == names_of(Scope.SWEEP)
