"""The series of a soak by their names and selectors."""

from __future__ import annotations

import math

import pytest

from lab.trials.time_series import TimeSeriesBuilder


def test_series_that_match_a_selector_are_added_up_as_far_as_they_are_there() -> None:
    builder = TimeSeriesBuilder()
    builder.add(5.0, 0, {'queued{of="mail"}': 1.0})
    builder.add(10.0, 0, {'queued{of="mail"}': 2.0, 'queued{of="print"}': 3.0})
    builder.add(15.0, 0, {'queued{of="print"}': 4.0})
    builder.add(20.0, 0, {"rss_bytes": 1e8})
    found = builder.build().series("queued")
    assert found is not None
    assert found.tolist() == [1.0, 5.0, 4.0, pytest.approx(math.nan, nan_ok=True)]
    assert builder.build().series("rooms") is None
