"""The fitted line in each segment."""

from __future__ import annotations

import numpy as np
import pytest

from tests.default_margins import fit_segments
from tests.oracles.soaks import INTERVALS, memory_series


def test_every_segment_has_a_line_of_the_same_slope() -> None:
    halves = np.repeat([0, 1], INTERVALS // 2)
    recorded = memory_series(np.random.default_rng(3), 60, halves)
    first, second = fit_segments(recorded, "rss_bytes")
    slopes = [(fit.high - fit.low) / (fit.end - fit.begin) for fit in (first, second)]
    assert slopes[0] == pytest.approx(slopes[1])
    assert slopes[0] == pytest.approx(60e6, rel=0.1)
    assert 0 < first.begin < first.end < second.begin < second.end < 0.25
    assert second.low == pytest.approx(1e6 * (100 + 60 * second.begin + 7), rel=0.01)


def test_without_a_slope_there_is_no_line() -> None:
    assert fit_segments(memory_series(np.random.default_rng(3), 0), "never_recorded") == []
