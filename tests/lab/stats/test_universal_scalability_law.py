"""Planted laws are found again, and no peak when throughput only saturates."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.stats.universal_scalability_law import ScalabilityLaw, Values
from tests.default_margins import MARGINS, fit_law, geometric_mean
from tests.oracles.sweeps import (
    USERS,
    closed_multiserver,
    noisy_blocks,
    rounded_bounds,
    scalability_law,
)

NOISE = 0.03
BLOCKS = 200


@pytest.fixture
def rng() -> np.random.Generator:
    """A source that gives the same numbers each time."""
    return np.random.default_rng(2007)


SATURATING = {
    "the bounds of M/M/8": np.minimum(USERS, 8.0),
    "M/M/8, short delay": closed_multiserver(8, 1.0, 0.2),
    "M/M/8, as much delay as service": closed_multiserver(8, 1.0, 1.0),
    "sharp": rounded_bounds(6),
    "round": rounded_bounds(3),
    "very round": rounded_bounds(2),
    "Amdahl": scalability_law(1, 0.1, 0),
    "linear": USERS,
    "pool of five": np.minimum(USERS, 5) / 0.16,
}


@given(st.floats(0.1, 1e4), st.floats(0, 0.9), st.floats(0, 0.1))
def test_a_planted_law_is_found_again(rate: float, sigma: float, kappa: float) -> None:
    """Without noise, to rounding; its peak where the sweep passes it."""
    found = fit_law(USERS, scalability_law(rate, sigma, kappa))
    assert found is not None
    assert (found.rate, found.sigma, found.kappa) == pytest.approx(
        (rate, sigma, kappa), rel=1e-6, abs=1e-9
    )
    assert found.misfit < 1e-6
    assert found.fits
    assert found.throughput(USERS) == pytest.approx(scalability_law(rate, sigma, kappa))
    if kappa > 1e-6:
        best = math.sqrt((1 - sigma) / kappa)
        if 1 < best < 64 / MARGINS.sweep.pass_factor * 0.99:
            top = float(scalability_law(rate, sigma, kappa, np.array(best)))
            assert found.peak is not None
            assert (found.peak.users, found.peak.throughput) == pytest.approx((best, top), rel=1e-4)
        if not 0.99 < best < 64 / MARGINS.sweep.pass_factor * 1.01:
            assert found.peak is None


def test_a_planted_law_is_found_under_noise(rng: np.random.Generator) -> None:
    """At 3 % the median is exact to a percent, and single blocks are near."""
    planted = scalability_law(100, 0.05, 0.95 / 16**2)
    fits = [fit_law(USERS, block) for block in noisy_blocks(rng, planted, BLOCKS, NOISE)]
    rate, sigma, kappa = (
        np.array([getattr(fit, name) for fit in fits]) for name in ("rate", "sigma", "kappa")
    )
    assert np.median(rate) == pytest.approx(100, rel=0.01)
    assert np.median(sigma) == pytest.approx(0.05, abs=0.005)
    assert np.median(kappa) == pytest.approx(0.95 / 16**2, rel=0.03)
    peaks = np.array([fit.peak.users for fit in fits if fit and fit.peak])
    assert len(peaks) == BLOCKS
    assert np.abs(peaks / 16 - 1).max() < 0.15
    throughputs = np.array([fit.peak.throughput for fit in fits if fit and fit.peak])
    assert throughputs == pytest.approx(
        float(scalability_law(100, 0.05, 0.95 / 16**2, np.array(16.0))), rel=0.1
    )


@pytest.mark.parametrize("curve", SATURATING.values(), ids=SATURATING)
def test_what_only_saturates_has_no_peak(rng: np.random.Generator, curve: Values) -> None:
    """Rarely in a block, never over six. The law alone would show one in nearly each block."""
    fits = [fit_law(USERS, block) for block in noisy_blocks(rng, curve, BLOCKS, NOISE)]
    peaks = [fit.peak.users if fit and fit.peak else None for fit in fits]
    assert sum(peak is not None for peak in peaks) <= 0.05 * BLOCKS
    assert all(geometric_mean(peaks[k : k + 6], 0.01) is None for k in range(0, BLOCKS - 6, 6))
    assert np.mean([fit is not None and fit.rises for fit in fits]) > 0.9


@pytest.mark.parametrize("name", ["round", "M/M/8, as much delay as service"])
def test_the_laws_own_peak_would_be_false(rng: np.random.Generator, name: str) -> None:
    """It lies within the sweep and the law fits: only the rival curve shows that it is none."""
    fits = [fit_law(USERS, block) for block in noisy_blocks(rng, SATURATING[name], BLOCKS, NOISE)]
    fitting = [fit for fit in fits if fit and fit.fits and fit.kappa > 0]
    alone = [
        fit
        for fit in fitting
        if math.sqrt((1 - fit.sigma) / fit.kappa) < 64 / MARGINS.sweep.pass_factor
    ]
    assert len(alone) > 0.5 * BLOCKS
    assert np.mean([fit.saturating_misfit < fit.misfit for fit in alone]) > 0.95


def test_a_hard_corner_is_outside_the_law(rng: np.random.Generator) -> None:
    """The caller can refuse its parameters; the rival curve describes it."""
    for block in noisy_blocks(rng, np.minimum(USERS, 8.0), BLOCKS, NOISE):
        found = fit_law(USERS, block)
        assert found is not None
        assert not found.fits
        assert found.saturating_misfit < 0.75 * found.misfit


def test_a_sweep_that_does_not_pass_the_peak_shows_none() -> None:
    """A peak at 50 lies within 64, but 64 does not pass it one and a half times."""
    found = fit_law(USERS, scalability_law(100, 0.05, 0.95 / 50**2))
    assert found is not None
    assert found.kappa == pytest.approx(0.95 / 50**2)
    assert found.peak is None


@pytest.mark.parametrize(
    "curve",
    [
        scalability_law(100, 0.05, 0.95 / 16**2),
        np.array([6.0, 12, 24, 31, 31, 15, 5]),  # collapses: no curve describes it
        np.array([1.0, 2, 4, 8, 7.4, 6.9, 6.4]),  # a hard corner, then a slow decline
        1 / USERS,
    ],
    ids=["a peak", "collapse", "decline", "only falls"],
)
def test_a_falling_sweep_never_shows_the_absence_of_a_peak(
    rng: np.random.Generator, curve: Values
) -> None:
    """A peak that cannot be fitted is not the same as the absence of a peak."""
    fits = [fit_law(USERS, block) for block in noisy_blocks(rng, curve, BLOCKS, NOISE)]
    assert np.mean([fit is not None and fit.rises for fit in fits]) < 0.25


def test_a_sweep_that_only_falls_may_have_no_law() -> None:
    """Without small levels the best curve starts at infinity: there is no fit, and no guess."""
    users = np.array([8.0, 16, 32, 64])
    assert fit_law(users, 1 / (users - 1)) is None
    assert isinstance(fit_law(USERS, 1 / USERS), ScalabilityLaw)


@given(st.permutations(range(len(USERS))))
def test_the_order_of_the_levels_does_not_matter(order: list[int]) -> None:
    """They are run in random order."""
    curve = scalability_law(100, 0.05, 0.004)
    found = fit_law(USERS[order], curve[order])
    assert found is not None
    assert found.peak is not None
    assert found.peak.users == pytest.approx(math.sqrt(0.95 / 0.004))


@pytest.mark.parametrize(
    ("users", "throughput"),
    [
        ([1, 2, 4], [1, 2, 4]),
        ([1, 2, 4, 4], [1, 2, 4, 4]),
        ([1, 2, 4, 8], [1, 2, 4]),
        ([1, 2, 4, 8], [1, 2, 4, 0]),
        ([0, 2, 4, 8], [1, 2, 4, 8]),
        ([1, 2, 4, 8], [1, 2, 4, math.nan]),
        ([], []),
    ],
)
def test_sweeps_that_cannot_be_fitted_are_refused(
    users: list[float], throughput: list[float]
) -> None:
    """Too few levels, unpaired, zero, missing, empty."""
    with pytest.raises(ValueError, match=r"four different|one value for each|positive, finite"):
        fit_law(users, throughput)
