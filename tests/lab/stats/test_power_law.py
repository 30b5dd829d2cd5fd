"""Planted power laws are found again, and data that cannot be fitted are refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lab.stats.power_law import fit_power_law

SIZES = [64.0, 256.0, 1024.0, 4096.0, 16384.0]


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("overhead", [0.0, 1e-3])
def test_a_power_under_an_overhead_is_found(exponent: float, overhead: float) -> None:
    times = [overhead + 1e-6 * n**exponent for n in SIZES]
    curve = fit_power_law(SIZES, times)
    assert curve.exponent == pytest.approx(exponent, abs=0.02)
    assert curve.at(SIZES) == pytest.approx(times, rel=0.01)


def test_order_and_a_size_of_zero_do_not_matter() -> None:
    sizes = [1000.0, 0.0, 100_000.0, 10.0]
    curve = fit_power_law(sizes, [2.0 + 0.01 * n for n in sizes])
    assert curve.overhead == pytest.approx(2.0, rel=0.01)
    assert curve.exponent == pytest.approx(1.0, abs=0.01)


def test_constant_times_have_the_scale_zero() -> None:
    curve = fit_power_law(SIZES, [5.0, 5.0, 5.0, 5.0, 4.9])
    assert curve.scale == 0
    assert curve.overhead == pytest.approx(5.0, rel=0.02)


def test_a_logarithm_has_a_small_exponent() -> None:
    for overhead in (0.0, 10.0, 100.0):
        times = [overhead + 3 * math.log2(n) for n in SIZES]
        assert fit_power_law(SIZES, times).exponent < 0.3


def test_noise_changes_the_exponent_little() -> None:
    generator = np.random.default_rng(1)
    found = []
    for _ in range(50):
        noise = np.exp(generator.normal(0, 0.03, len(SIZES)))
        found.append(fit_power_law(SIZES, list((10 + 0.1 * np.array(SIZES)) * noise)).exponent)
    assert abs(float(np.mean(found)) - 1) < 0.02
    assert float(np.std(found)) < 0.05


@pytest.mark.parametrize(
    ("sizes", "times"),
    [
        ([1.0, 2.0, 4.0], [1.0, 1.0, 1.0]),
        ([1.0, 2.0, 4.0, 4.0], [1.0, 1.0, 1.0, 1.0]),
        ([1.0, 2.0, 4.0, 8.0], [1.0, 1.0, 1.0]),
        ([1.0, 2.0, 4.0, -8.0], [1.0, 1.0, 1.0, 1.0]),
        ([1.0, 2.0, 4.0, 8.0], [1.0, 1.0, 0.0, 1.0]),
        ([1.0, 2.0, 4.0, 8.0], [1.0, math.nan, 1.0, 1.0]),
    ],
)
def test_data_that_cannot_be_fitted_are_refused(sizes: list[float], times: list[float]) -> None:
    with pytest.raises(ValueError, match=r"power law|sizes"):
        fit_power_law(sizes, times)
