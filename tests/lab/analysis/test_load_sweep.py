"""Sweeps of trials: capacity, knee and peak per block, and what is told over blocks."""

import math
from dataclasses import replace

import numpy as np
import pytest

from lab.analysis import load_sweep
from lab.analysis.estimate import Estimate
from lab.analysis.load_sweep import SweepCurve
from lab.hypothesis import Bound
from lab.hypothesis.measure_names import OF_SWEEPS
from lab.stats.histogram import Histogram
from lab.trial import Dispatch, Ended, LoadEvidence, Requests, Trial
from tests.oracles.queueing import asymptotic_bounds

LEVELS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
TAIL = 0.0022  # of a look, where the whole may be wrong once in a hundred
POOL = asymptotic_bounds([(0.16, 5)], think=0.25)  # of five, held for .16 s; shoppers think .25 s


def curve(rates: list[float], think: float = 0.0, levels: tuple[float, ...] = LEVELS) -> SweepCurve:
    """A closed sweep with these throughputs; the closed law gives the response times."""
    response = tuple(n / x - think for n, x in zip(levels, rates, strict=True))
    return SweepCurve(levels, levels, tuple(rates), response, closed=True)


def sweeps(truth: list[float], blocks: int, think: float = 0.0, seed: int = 1) -> list[SweepCurve]:
    """Blocks of it, each value off by some three percent."""
    noise = np.random.default_rng(seed).normal(0, 0.03, (blocks, len(truth)))
    return [curve((np.array(truth) * np.exp(row)).tolist(), think) for row in noise]


def pool() -> list[float]:
    return [float(x) for x in POOL.throughput(LEVELS)]


def law(sigma: float, best: float, rate: float = 100) -> list[float]:
    kappa = (1 - sigma) / best**2
    return [rate * n / (1 + sigma * (n - 1) + kappa * n * (n - 1)) for n in LEVELS]


def trial(count: int, latency_s: float, errors: int = 0) -> Trial:
    latency = Histogram()
    latency.add_many([latency_s] * count)
    seen = {"/orders": Requests(count, errors, latency)} if count else {}
    return Trial(1, 1, "narrow", 0.0, 4.0, evidence=LoadEvidence(seen))


def test_trials_become_a_curve() -> None:
    """Of successes; in order, whatever the order of the trials."""
    closed = SweepCurve.of({8: trial(40, 0.5, errors=4), 1: trial(10, 0.16)}, closed=True)
    assert closed is not None
    assert closed.levels == closed.users == (1, 8)
    assert closed.throughput == (2.5, 9)
    assert closed.response == pytest.approx((0.16, 0.5))
    opened = SweepCurve.of({20: trial(80, 0.5), 10: trial(40, 0.2)}, closed=False)
    assert opened is not None
    assert opened.levels == (10, 20)
    assert opened.users == pytest.approx((2, 10))


def test_a_level_without_success_is_no_curve() -> None:
    """Nothing is made up for it."""
    assert SweepCurve.of({1: trial(10, 0.1), 2: trial(0, 0.1)}, closed=True) is None
    assert SweepCurve.of({1: trial(10, 0.1), 2: trial(5, 0.1, errors=5)}, closed=True) is None


def test_a_pool_shows_capacity_and_knee() -> None:
    """31.25 a second; the knee is where it would be if nobody ever waited: 12.8 shoppers."""
    blocks = sweeps(pool(), 4, think=0.25)
    capacity = load_sweep.level(blocks, "peak_throughput", TAIL)
    knee = load_sweep.level(blocks, "knee", TAIL)
    assert capacity is not None
    assert knee is not None
    assert capacity.estimate == pytest.approx(31.25, rel=0.04)
    assert knee.estimate == pytest.approx(31.25 * 0.41, rel=0.08)
    assert capacity.low < 31.25 < capacity.high


def test_open_arrivals_show_the_same_pool_in_requests_in_flight() -> None:
    """The rates pass the capacity; who pauses between requests is not in the system."""
    rates = (5.0, 10.0, 20.0, 30.0, 40.0, 60.0)
    through = tuple(min(rate, 31.25) for rate in rates)
    response = (0.16, 0.16, 0.17, 0.3, 0.9, 1.8)
    in_flight = tuple(x * r for x, r in zip(through, response, strict=True))
    found = SweepCurve(rates, in_flight, through, response, closed=False).bounds
    assert found is not None
    assert found.think == 0
    assert found.knee == pytest.approx(5, rel=0.1)


def arriving(rate: float, ended: int, latency_s: float, per_arrival: int = 1) -> Trial:
    """Ten seconds in which so many requests ended of `rate` times as many arrivals."""
    due = int(rate * 10)
    latency = Histogram()
    latency.add_many([latency_s] * (due * per_arrival))
    seen = Requests(due * per_arrival, 0, latency, ended_within=Ended(ended, 0))
    dispatch = Dispatch(due, due, 0, 0, 0.0, 0.0, 9)
    evidence = LoadEvidence({"/": seen}, dispatch=dispatch)
    return Trial(1, 1, "narrow", 0.0, 10.0, evidence=evidence)


@pytest.mark.parametrize("per_arrival", [1, 2])
def test_a_throughput_that_is_the_offered_rate_is_no_capacity(per_arrival: int) -> None:
    """Levels close to each other look like a plateau, though the service would take more."""
    rates = (50.0, 95.0, 97.5, 100.0)
    latency = (0.1, 0.1, 0.15, 0.2)
    idle = SweepCurve.of(
        {
            rate: arriving(rate, int(rate * 10 * per_arrival), seconds, per_arrival)
            for rate, seconds in zip(rates, latency, strict=True)
        },
        closed=False,
    )
    assert idle is not None
    assert replace(idle, keeps_up=False).bounds is not None, "as it would be without the check"
    assert idle.bounds is None
    rates, latency = (20.0, 40.0, 80.0, 160.0), (0.1, 0.1, 1.0, 3.0)
    full = SweepCurve.of(
        {
            rate: arriving(rate, int(min(rate, 45) * 10 * per_arrival), seconds, per_arrival)
            for rate, seconds in zip(rates, latency, strict=True)
        },
        closed=False,
    )
    assert full is not None and full.bounds is not None
    assert full.bounds.capacity == pytest.approx(45 * per_arrival, rel=0.02)


def test_a_planted_peak_is_found_over_blocks() -> None:
    """With an interval around it, that a bound can be held against."""
    found = load_sweep.level(sweeps(law(0.05, 16), 6), "peak", TAIL)
    assert found is not None
    assert found.low < 16 < found.high < 24
    assert found.estimate == pytest.approx(16, rel=0.1)
    assert found.meets(Bound(within=(10, 24)))
    assert found.misses(Bound(at_least=30))


def test_no_peak_is_an_answer() -> None:
    """Beyond 64 / 1.5 users: it meets what is at least 40, and misses what is at most 40."""
    found = load_sweep.level(sweeps(pool(), 6, think=0.25), "peak", TAIL)
    assert found == Estimate(math.inf, 64 / 1.5, math.inf)
    assert found.meets(Bound(at_least=40))
    assert found.misses(Bound(at_most=40))
    assert found.misses(Bound(within=(10, 40)))
    assert not found.meets(Bound(at_least=50))
    assert not found.misses(Bound(at_least=50))


def test_no_peak_takes_enough_blocks() -> None:
    """In four blocks a peak might be missed four times by chance."""
    assert load_sweep.level(sweeps(pool(), 4, think=0.25), "peak", TAIL) is None


def test_blocks_that_disagree_on_a_peak_tell_nothing() -> None:
    """Half show one, half do not."""
    mixed = sweeps(law(0.05, 16), 3) + sweeps(pool(), 3)
    assert load_sweep.level(mixed, "peak", TAIL) is None
    assert load_sweep.level([None, None, None, *sweeps(pool(), 3)], "peak", TAIL) is None


def test_what_no_curve_describes_tells_nothing() -> None:
    """A collapse: not to find a peak there is not to have found that there is none."""
    blocks = sweeps([6.0, 12, 24, 31, 31, 15, 5], 12)
    assert load_sweep.level(blocks, "peak", TAIL) is None


def test_arms_are_compared_within_blocks() -> None:
    """Twice the pool, twice the knee; noise that both share cancels."""
    narrow = sweeps(pool(), 4, think=0.25)
    wide = [
        replace(
            block,
            throughput=tuple(
                min(2 * 31.25 * block.throughput[-1] / 31.25, n / 0.41) for n in LEVELS
            ),
        )
        for block in narrow
    ]
    found = load_sweep.ratio(wide, narrow, "peak_throughput", TAIL)
    assert found is not None
    assert found.estimate == pytest.approx(2, rel=0.05)
    assert load_sweep.ratio([None, *wide[1:]], narrow, "knee", TAIL) is not None
    assert load_sweep.ratio([None, None, *wide[2:]], narrow, "knee", TAIL) is None


def test_what_is_none_cannot_be_compared() -> None:
    """A peak over no peak is no ratio."""
    assert load_sweep.ratio(sweeps(law(0.05, 16), 6), sweeps(pool(), 6), "peak", TAIL) is None
    twice = load_sweep.ratio(
        sweeps(law(0.05, 20), 6, seed=2), sweeps(law(0.05, 10), 6), "peak", TAIL
    )
    assert twice is not None
    assert twice.estimate == pytest.approx(2, rel=0.1)


def test_a_sweep_that_never_saturates_has_no_knee() -> None:
    """And no capacity: the highest throughput seen is not the highest there is."""
    blocks = sweeps([n * 10 for n in LEVELS], 6)
    assert load_sweep.level(blocks, "knee", TAIL) is None
    assert load_sweep.level(blocks, "peak_throughput", TAIL) is None


def test_the_summary_holds_what_a_report_shows() -> None:
    """Where the law fits its parameters, where it does not none; the bounds either way."""
    fits = load_sweep.summary(sweeps(law(0.05, 16), 6), TAIL)
    assert fits.law is not None
    assert fits.law_blocks == fits.blocks == 6
    assert fits.law.sigma.low <= 0.05 <= fits.law.sigma.high
    assert fits.law.throughput(16) == pytest.approx(law(0.05, 16)[4], rel=0.1)
    assert fits.peak is not None
    corner = load_sweep.summary(sweeps(pool(), 6, think=0.25), TAIL)
    assert corner.law is None
    assert corner.law_blocks < 4
    assert corner.bounds is not None
    assert corner.bounds.think == pytest.approx(0.25, abs=0.02)
    assert corner.bounds.response == pytest.approx(0.16, abs=0.02)
    assert [point.level for point in corner.points] == list(LEVELS)
    for point, truth in zip(corner.points, pool(), strict=True):
        assert point.low <= point.throughput <= point.high
        assert point.throughput == pytest.approx(truth, rel=0.05)


def test_measures_of_sweeps_are_those_that_a_file_may_name() -> None:
    """One place says which there are, another how each is computed."""
    assert tuple(load_sweep.MEASURES) == OF_SWEEPS
