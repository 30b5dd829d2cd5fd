"""Slopes with honest errors, and the shape of a leak."""

from __future__ import annotations

import numpy as np
import pytest

from lab.stats import trend

RNG = np.random.default_rng(7)
ONE = np.zeros(24, dtype=np.int64)
TIMES = np.arange(24) / 24


def test_the_first_third_of_every_segment_is_dropped_and_no_bin_spans_two() -> None:
    segments = np.repeat([0, 1], [90, 60])
    bins = trend.layout(np.arange(150.0), segments)
    dropped = np.flatnonzero(bins.bins < 0)
    assert dropped.tolist() == [*range(30), *range(90, 110)]
    assert 20 <= bins.times.size <= 30
    for index in range(bins.times.size):
        assert len(set(segments[bins.bins == index])) == 1
    assert (np.diff(bins.bins[bins.bins >= 0]) >= 0).all()


def test_a_segment_that_is_too_short_for_a_slope_is_dropped_whole() -> None:
    bins = trend.layout(np.arange(152.0), np.repeat([0, 1, 2], [90, 60, 2]))
    assert set(bins.segments.tolist()) == {0, 1}
    assert (bins.bins[-2:] == -1).all()


def test_a_bin_is_told_by_its_minimum_or_median_of_what_was_seen() -> None:
    bins = trend.layout(np.arange(9.0), np.zeros(9, dtype=np.int64), bins=2)
    values = np.array([9, 9, 9, 3, 1, np.nan, 5, 7, 9])
    assert bins.fold(values, "minimum").tolist() == [1, 5]
    assert bins.fold(values, "median").tolist() == [2, 7]
    values[3:6] = np.nan
    both = bins.fold(np.stack([values, np.arange(9.0)]), "minimum")
    assert np.isnan(both[0, 0])
    assert both[:, 1].tolist() == [5, 6]
    assert both[1].tolist() == [3, 6]


def test_the_slope_is_that_of_least_squares_with_an_intercept_for_each_segment() -> None:
    values = 3 * TIMES + RNG.normal(0, 0.1, 24)
    fitted = trend.slope(TIMES, values, ONE)
    assert fitted.slope == pytest.approx(np.polyfit(TIMES, values, 1)[0])
    segments = np.repeat([0, 1, 2], 8)
    design = np.column_stack([TIMES, *(segments == s for s in range(3))])
    jumps = values + 100.0 * segments
    wanted = np.linalg.lstsq(design, jumps, rcond=None)[0][0]
    assert trend.slope(TIMES, jumps, segments).slope == pytest.approx(wanted)


def test_the_error_is_that_of_equal_weighted_cosines() -> None:
    """Lazarus et al. (2018), written out for one series."""
    values = RNG.normal(0, 1, 24)
    fitted = trend.slope(TIMES, values, ONE)
    time = TIMES - TIMES.mean()
    scores = time * (values - values.mean() - fitted.slope * time)
    variance = 0.0
    for j in range(1, 7):
        cosine = [np.cos(np.pi * j * (t - 0.5) / 24) for t in range(1, 25)]
        variance += (np.sqrt(2 / 24) * float(np.dot(scores, cosine))) ** 2 / 6
    assert fitted.degrees == 6
    assert fitted.error == pytest.approx(np.sqrt(24 * variance) / (time @ time))


def test_many_series_at_once_are_each_as_if_alone() -> None:
    values = RNG.normal(0, 1, (5, 24)) + 2 * TIMES
    together = trend.slope(TIMES, values, ONE)
    shares = trend.thirds(TIMES, values, ONE)
    for row in range(5):
        alone = trend.slope(TIMES, values[row], ONE)
        assert together.slope[row] == pytest.approx(float(alone.slope))
        assert together.error[row] == pytest.approx(float(alone.error))
        assert shares[row] == pytest.approx(trend.thirds(TIMES, values[row], ONE))


def test_theil_sen_is_the_median_of_the_slopes_within_segments() -> None:
    times, values = np.array([0.0, 1, 2, 3]), np.array([0.0, 1, 5, 6])
    one, two = np.zeros(4, dtype=np.int64), np.array([0, 0, 1, 1])
    assert trend.theil_sen(times, values, one) == pytest.approx(np.median([1, 2.5, 2, 4, 2.5, 1]))
    assert trend.theil_sen(times, values, two) == 1
    assert np.isnan(trend.theil_sen(times, values, np.arange(4)))


@pytest.mark.parametrize(
    ("shape", "leaks"),
    [
        (10 * TIMES, True),
        (-10 * TIMES, True),  # as steady downwards
        (10.0 * (TIMES > 0.5), False),  # a step
        (10 * (1 - np.exp(-6 * TIMES)), False),  # fills up
        (10 * np.minimum(TIMES, 0.6), False),  # stops
        (10 * np.exp(TIMES), True),  # grows faster and faster
    ],
)
def test_a_leak_grows_in_every_third_and_does_not_bend_to_a_standstill(
    shape: np.ndarray, leaks: bool
) -> None:
    noisy = shape + RNG.normal(0, 0.05, 24)
    fitted = trend.slope(TIMES, noisy, ONE)
    assert bool(trend.steady(trend.thirds(TIMES, noisy, ONE), fitted)) is leaks


def test_a_bend_that_leaves_most_of_the_slope_is_no_standstill() -> None:
    bent = 10 * TIMES - 2 * TIMES**2 + RNG.normal(0, 1e-3, 24)
    fitted = trend.slope(TIMES, bent, ONE)
    assert fitted.bending < -10
    assert 0.7 < fitted.ending < 0.8
    assert not fitted.saturating


def test_a_level_series_has_no_slope_no_error_and_no_shape() -> None:
    level = np.full(24, 5.0)
    fitted = trend.slope(TIMES, level, ONE)
    assert (float(fitted.slope), float(fitted.error)) == (0, 0)
    assert not trend.steady(trend.thirds(TIMES, level, ONE), fitted)


def test_too_few_bins_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 8 bins, not 7"):
        trend.slope(TIMES[:7], TIMES[:7], ONE[:7])
    with pytest.raises(ValueError, match="no time passes"):
        trend.slope(TIMES[:8], TIMES[:8], np.arange(8))
