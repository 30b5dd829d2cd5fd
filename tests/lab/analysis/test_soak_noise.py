"""The noise of a soak's series, measured and assumed."""

from __future__ import annotations

import numpy as np
import pytest

from lab.analysis.soak_noise import default_noise
from tests.default_margins import measure_noise
from tests.oracles.soaks import memory_series


@pytest.fixture
def rng() -> np.random.Generator:
    """A source that gives the same numbers each time."""
    return np.random.default_rng(3)


@pytest.mark.parametrize("slope", [0.0, 500.0])
def test_noise_is_measured_about_the_slope(rng: np.random.Generator, slope: float) -> None:
    recorded = {"a": [memory_series(rng, slope) for _ in range(8)]}
    found = measure_noise(recorded, "rss_bytes", "a test")
    assert found is not None
    assert found.scatter == pytest.approx(0.2e6, rel=0.1)  # of an interval, not of a bin
    assert found.walk < 3e6


def test_slopes_that_differ_between_trials_are_noise(rng: np.random.Generator) -> None:
    recorded = {"a": [memory_series(rng, slope) for slope in (10, 60, -30, 40)]}
    found = measure_noise(recorded, "rss_bytes", "a test")
    assert found is not None
    assert found.walk > 10e6


def test_without_a_record_the_noise_is_assumed(rng: np.random.Generator) -> None:
    assert measure_noise({"a": [memory_series(rng, 0)]}, "never_recorded", "a test") is None
    assumed = default_noise("rss_bytes")
    assert assumed is not None
    assert assumed.walk == 1e6
    assert default_noise("never_recorded") is None
