"""Recorded series in bins."""

from __future__ import annotations

import numpy as np
import pytest

from lab.measure_table import series_reduction
from tests.default_margins import bin_series
from tests.oracles.soaks import INTERVALS, memory_series


@pytest.fixture
def rng() -> np.random.Generator:
    """A source that gives the same numbers each time."""
    return np.random.default_rng(3)


def test_a_gauge_is_named_by_a_selector(rng: np.random.Generator) -> None:
    recorded = memory_series(rng, 0)
    assert recorded.series("rooms") is not None
    assert recorded.series('rooms{kind="a"}') is not None
    assert recorded.series('rooms{kind="b"}') is None


def test_the_second_arm_is_subtracted_in_the_same_bins(rng: np.random.Generator) -> None:
    """A restart of either arm begins a segment."""
    halves = np.repeat([0, 1], INTERVALS // 2)
    one, other = memory_series(rng, 60), memory_series(rng, 0, halves)
    difference = bin_series([one, other], "rss_bytes")
    assert difference is not None
    assert set(difference.segments.tolist()) == {0, 1}
    restart = 7e6 * difference.segments
    assert difference.values == pytest.approx(60e6 * difference.times - restart, abs=1e6)
    assert bin_series([one, other], "never_recorded") is None


def test_memory_is_binned_by_its_minimum() -> None:
    assert series_reduction("rss_bytes") == "minimum"
    assert series_reduction("heap") == "minimum"
    assert series_reduction("descriptors") == "median"
