"""Geometric means over blocks of which some show nothing, and how many rule a peak out."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.stats.confidence_interval import ConfidenceInterval, t_interval
from lab.stats.missing_estimates import blocks_to_show_absence
from tests.default_margins import fit_law, geometric_mean, shows_absence
from tests.oracles.sweeps import USERS, noisy_blocks, scalability_law


@pytest.fixture
def rng() -> np.random.Generator:
    """A source that gives the same numbers each time."""
    return np.random.default_rng(2007)


def test_intervals_over_blocks_cover_the_planted_peak(rng: np.random.Generator) -> None:
    """In 95 % of the runs of six blocks, within three standard errors."""
    runs = 300
    curve = scalability_law(100, 0.05, 0.95 / 16**2)
    covered = 0
    for _ in range(runs):
        fits = [fit_law(USERS, block) for block in noisy_blocks(rng, curve, 6, 0.03)]
        interval = geometric_mean(
            [fit.peak.users if fit and fit.peak else None for fit in fits], 0.025
        )
        assert interval is not None
        covered += interval.low <= 16 <= interval.high
    assert covered / runs == pytest.approx(0.95, abs=3 * math.sqrt(0.05 * 0.95 / runs))


def test_enough_blocks_without_a_peak_rule_it_out() -> None:
    """A quarter may miss one: four of four happen by chance once in 256, five of five in 1024."""
    assert not shows_absence(4, 4, 0.0022)
    assert shows_absence(5, 5, 0.0022)
    assert not shows_absence(5, 6, 0.0022)
    assert shows_absence(6, 7, 0.0022)
    assert shows_absence(4, 4, 1 / 256)
    assert not shows_absence(0, 0, 0.4)
    assert not shows_absence(0, 12, 0.4)


def test_the_fewest_blocks_that_rule_it_out_follow_from_the_rule() -> None:
    assert blocks_to_show_absence(0.0022, 0.25) == 5
    assert blocks_to_show_absence(1 / 256, 0.25) == 4
    assert blocks_to_show_absence(0.0022, 0.5) == 9


def test_looks_after_every_block_rarely_rule_out_a_peak(rng: np.random.Generator) -> None:
    """A peak that a quarter of the blocks miss: over all looks, less than one run in a hundred."""
    missed = np.cumsum(rng.random((20_000, 12)) < 0.25, axis=1)
    looks = range(4, 13)
    least = {n: min(k for k in range(n + 2) if k > n or shows_absence(k, n, 0.0022)) for n in looks}
    wrong = np.any([missed[:, n - 1] >= least[n] for n in looks], axis=0)
    assert 0 < wrong.mean() < 0.01


@given(st.lists(st.floats(0.01, 1e4), min_size=2, max_size=12), st.floats(0.1, 1e3))
def test_the_unit_does_not_matter(values: list[float], factor: float) -> None:
    """The interval is that of the logarithms."""
    interval = geometric_mean(values, 0.01)
    scaled = geometric_mean([factor * value for value in values], 0.01)
    assert interval is not None
    assert scaled is not None
    assert interval.low <= interval.estimate <= interval.high
    logs = t_interval([math.log(value) for value in values], 0.01)
    assert interval.estimate == pytest.approx(math.exp(logs.estimate))
    assert scaled.estimate == pytest.approx(factor * interval.estimate)


def test_more_than_a_quarter_of_missing_estimates_are_no_estimate() -> None:
    """One block in four may lack it. If more do, the rest is a selection."""
    three, two = [5.0, 5.1, 4.9, None], [5.0, 5.1, None, None]
    assert geometric_mean(three, 0.01) == geometric_mean([5.0, 5.1, 4.9], 0.01)
    assert geometric_mean(two, 0.01) is None
    assert geometric_mean([None] * 4, 0.01) is None
    assert geometric_mean([], 0.01) is None
    one, extremes = geometric_mean([5.0], 0.01), geometric_mean([1e-300, 1e300], 0.001)
    assert one == ConfidenceInterval(one.estimate if one else 0, 0, math.inf)
    assert extremes == ConfidenceInterval(extremes.estimate if extremes else 0, 0, math.inf)
    assert one is not None and one.estimate == pytest.approx(5)
    assert extremes is not None and extremes.estimate == pytest.approx(1)


def test_estimates_must_be_positive() -> None:
    """A kappa of 0 has no logarithm."""
    with pytest.raises(ValueError, match="positive, finite"):
        geometric_mean([1.0, 0.0], 0.01)
