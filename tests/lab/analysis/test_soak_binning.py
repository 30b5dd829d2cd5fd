"""Recorded series in bins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lab.measures.table import series_reduction
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


@pytest.mark.parametrize(("read", "has_slope"), [(0.95, True), (0.6, False)])
def test_what_could_not_be_read_for_long_has_no_slope(
    read: float, has_slope: bool, rng: np.random.Generator
) -> None:
    """It may have grown otherwise since then."""
    recorded = memory_series(rng, 60)
    memory = recorded.columns["rss_bytes"].copy()
    memory[int(INTERVALS * read) :] = np.nan
    binned = bin_series([replace(recorded, columns={"rss_bytes": memory})], "rss_bytes")
    assert binned is not None and binned.times.size >= binned.margins.min_bins
    assert (binned.fit is not None) is has_slope


def test_memory_is_binned_by_its_minimum() -> None:
    assert series_reduction("rss_bytes") == "minimum"
    assert series_reduction("heap") == "minimum"
    assert series_reduction("descriptors") == "median"
