"""Slopes with a valid standard error, and the curvature."""

from __future__ import annotations

import numpy as np
import pytest

from tests.default_margins import fit_slope

RNG = np.random.default_rng(7)
ONE_SEGMENT = np.zeros(24, dtype=np.int64)
TIMES = np.arange(24) / 24


def test_the_slope_is_that_of_least_squares_with_an_intercept_for_each_segment() -> None:
    values = 3 * TIMES + RNG.normal(0, 0.1, 24)
    fitted = fit_slope(TIMES, values, ONE_SEGMENT)
    assert fitted.slope == pytest.approx(np.polyfit(TIMES, values, 1)[0])
    segments = np.repeat([0, 1, 2], 8)
    design = np.column_stack([TIMES, *(segments == s for s in range(3))])
    jumps = values + 100.0 * segments
    wanted = np.linalg.lstsq(design, jumps, rcond=None)[0][0]
    assert fit_slope(TIMES, jumps, segments).slope == pytest.approx(wanted)


def test_the_error_is_that_of_equal_weighted_cosines() -> None:
    """Lazarus et al. (2018), written out for one series."""
    values = RNG.normal(0, 1, 24)
    fitted = fit_slope(TIMES, values, ONE_SEGMENT)
    time = TIMES - TIMES.mean()
    scores = time * (values - values.mean() - fitted.slope * time)
    variance = 0.0
    for j in range(1, 7):
        cosine = [np.cos(np.pi * j * (t - 0.5) / 24) for t in range(1, 25)]
        variance += (np.sqrt(2 / 24) * float(np.dot(scores, cosine))) ** 2 / 6
    assert fitted.degrees == 6
    assert fitted.error == pytest.approx(np.sqrt(24 * variance) / (time @ time))


def test_many_series_at_once_are_fitted_as_each_alone() -> None:
    values = RNG.normal(0, 1, (5, 24)) + 2 * TIMES
    together = fit_slope(TIMES, values, ONE_SEGMENT)
    for row in range(5):
        alone = fit_slope(TIMES, values[row], ONE_SEGMENT)
        assert together.slope[row] == pytest.approx(float(alone.slope))
        assert together.error[row] == pytest.approx(float(alone.error))


def test_a_curvature_that_leaves_most_of_the_slope_is_no_saturation() -> None:
    bent = 10 * TIMES - 2 * TIMES**2 + RNG.normal(0, 1e-3, 24)
    fitted = fit_slope(TIMES, bent, ONE_SEGMENT)
    assert fitted.curvature_t < -10
    assert 0.7 < fitted.final_share < 0.8
    assert not fitted.saturating


def test_a_constant_series_has_neither_slope_nor_error() -> None:
    constant = np.full(24, 5.0)
    fitted = fit_slope(TIMES, constant, ONE_SEGMENT)
    assert (float(fitted.slope), float(fitted.error)) == (0, 0)


def test_too_few_bins_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 8 bins, not 7"):
        fit_slope(TIMES[:7], TIMES[:7], ONE_SEGMENT[:7])
    with pytest.raises(ValueError, match="no time passes"):
        fit_slope(TIMES[:8], TIMES[:8], np.arange(8))
