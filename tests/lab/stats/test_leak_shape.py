"""The shape of a leak: a slope in every third, and no saturation."""

from __future__ import annotations

import numpy as np
import pytest

from lab.stats.leak_shape import shares_of_thirds, theil_sen_slope
from tests.default_margins import fit_slope, has_leak_shape

RNG = np.random.default_rng(7)
ONE_SEGMENT = np.zeros(24, dtype=np.int64)
TIMES = np.arange(24) / 24


def test_theil_sen_is_the_median_of_the_slopes_within_segments() -> None:
    times, values = np.array([0.0, 1, 2, 3]), np.array([0.0, 1, 5, 6])
    one, two = np.zeros(4, dtype=np.int64), np.array([0, 0, 1, 1])
    assert theil_sen_slope(times, values, one) == pytest.approx(np.median([1, 2.5, 2, 4, 2.5, 1]))
    assert theil_sen_slope(times, values, two) == 1
    assert np.isnan(theil_sen_slope(times, values, np.arange(4)))


@pytest.mark.parametrize(
    ("shape", "leaks"),
    [
        (10 * TIMES, True),
        (-10 * TIMES, True),  # steadily downwards
        (10.0 * (TIMES > 0.5), False),  # a step
        (10 * (1 - np.exp(-6 * TIMES)), False),  # fills up
        (10 * np.minimum(TIMES, 0.6), False),  # stops
        (10 * np.exp(TIMES), True),  # faster and faster
    ],
)
def test_a_leak_rises_in_every_third_and_does_not_saturate(shape: np.ndarray, leaks: bool) -> None:
    noisy = shape + RNG.normal(0, 0.05, 24)
    fitted = fit_slope(TIMES, noisy, ONE_SEGMENT)
    assert bool(has_leak_shape(shares_of_thirds(TIMES, noisy, ONE_SEGMENT), fitted)) is leaks


def test_many_series_at_once_have_the_shares_of_each_alone() -> None:
    values = RNG.normal(0, 1, (5, 24)) + 2 * TIMES
    shares = shares_of_thirds(TIMES, values, ONE_SEGMENT)
    for row in range(5):
        assert shares[row] == pytest.approx(shares_of_thirds(TIMES, values[row], ONE_SEGMENT))


def test_a_constant_series_is_no_leak() -> None:
    constant = np.full(24, 5.0)
    fitted = fit_slope(TIMES, constant, ONE_SEGMENT)
    assert not has_leak_shape(shares_of_thirds(TIMES, constant, ONE_SEGMENT), fitted)
