"""The time until a limit is reached."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lab.trials.time_series import TimeSeries
from tests.default_margins import time_to_exhaustion
from tests.oracles.soaks import memory_series, soak_blocks


def test_the_time_to_a_limit_has_the_interval_of_the_slope() -> None:
    rng = np.random.default_rng(3)
    blocks = soak_blocks(rng, 4, lambda: memory_series(rng, 60))
    found = time_to_exhaustion("with", "rss_bytes", 700e6, blocks, 0.01)
    assert found is not None
    assert found.soonest < found.hours < found.latest
    assert found.hours == pytest.approx(10, rel=0.02)
    constant = time_to_exhaustion("without", "rss_bytes", 700e6, blocks, 0.01)
    assert constant is not None
    assert constant.latest == math.inf
    reached = time_to_exhaustion("with", "rss_bytes", 50e6, blocks, 0.01)
    assert reached is not None
    assert reached.hours == 0
    assert time_to_exhaustion("with", "never_recorded", 700e6, blocks, 0.01) is None


@pytest.mark.parametrize("limit", [700e6, 150e6])
def test_it_counts_from_the_start_of_the_process(limit: float) -> None:
    """100 MB that grow by 3,000 MB an hour: how long a block is changes nothing."""
    rng = np.random.default_rng(3)
    blocks = soak_blocks(rng, 4, lambda: memory_series(rng, 3000))
    found = time_to_exhaustion("with", "rss_bytes", limit, blocks, 0.01)
    assert found is not None
    # memory is the least of a bin, which is half a bin earlier than its time
    assert found.hours == pytest.approx((limit - 100e6) / 3000e6, abs=0.004)


def test_of_a_process_that_was_started_again_it_counts_from_there() -> None:
    rng = np.random.default_rng(3)
    times = np.arange(1, 181, dtype=np.float64) * 5.0
    segments = np.repeat([0, 1], [60, 120])

    def recorded() -> TimeSeries:
        own_hours = (times - 300.0) / 3600
        values = 1e6 * (100 + 3000 * own_hours + rng.normal(0, 0.2, 180))
        values[segments == 0] = np.nan  # nothing was sampled before
        return TimeSeries(times, segments, {"rss_bytes": values})

    found = time_to_exhaustion("with", "rss_bytes", 700e6, soak_blocks(rng, 4, recorded), 0.01)
    assert found is not None
    assert found.hours == pytest.approx(0.2, rel=0.02)
