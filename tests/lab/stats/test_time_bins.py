"""The bins of a long series: what is dropped, and how a bin becomes one value."""

from __future__ import annotations

import numpy as np

from lab.stats.margins import SlopeMargins
from lab.stats.time_bins import time_bins


def test_the_first_third_of_every_segment_is_dropped_and_no_bin_spans_two() -> None:
    segments = np.repeat([0, 1], [90, 60])
    bins = time_bins(np.arange(150.0), segments, SlopeMargins())
    dropped = np.flatnonzero(bins.bin_of < 0)
    assert dropped.tolist() == [*range(30), *range(90, 110)]
    assert 20 <= bins.times.size <= 30
    for index in range(bins.times.size):
        assert len(set(segments[bins.bin_of == index])) == 1
    assert (np.diff(bins.bin_of[bins.bin_of >= 0]) >= 0).all()


def test_a_segment_that_is_too_short_for_a_slope_is_dropped_as_a_whole() -> None:
    bins = time_bins(np.arange(152.0), np.repeat([0, 1, 2], [90, 60, 2]), SlopeMargins())
    assert set(bins.segments.tolist()) == {0, 1}
    assert (bins.bin_of[-2:] == -1).all()


def test_a_bin_is_the_minimum_or_the_median_of_its_recorded_values() -> None:
    bins = time_bins(np.arange(9.0), np.zeros(9, dtype=np.int64), SlopeMargins(bins=2))
    values = np.array([9, 9, 9, 3, 1, np.nan, 5, 7, 9])
    assert bins.reduce(values, "minimum").tolist() == [1, 5]
    assert bins.reduce(values, "median").tolist() == [2, 7]
    values[3:6] = np.nan
    both = bins.reduce(np.stack([values, np.arange(9.0)]), "minimum")
    assert np.isnan(both[0, 0])
    assert both[:, 1].tolist() == [5, 6]
    assert both[1].tolist() == [3, 6]
