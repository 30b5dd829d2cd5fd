"""Sawtooth patterns."""

from __future__ import annotations

import numpy as np

from lab.analysis.soak_sawtooth import find_sawtooth
from lab.trials.time_series import TimeSeries
from tests.oracles.soaks import memory_series


def test_falls_of_a_sawtooth_are_counted() -> None:
    times = np.arange(1.0, 121.0)
    saw = TimeSeries(times, np.zeros(120, dtype=np.int64), {"heap": times % 20})
    found = find_sawtooth([saw], "heap")
    assert found is not None
    assert (found.falls, found.depth) == (6, 19)


def test_a_noisy_line_is_no_sawtooth() -> None:
    recorded = memory_series(np.random.default_rng(3), 60)
    assert find_sawtooth([recorded], "rss_bytes") is None
