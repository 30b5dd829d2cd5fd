"""The time until a limit is reached."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.default_margins import time_to_exhaustion
from tests.oracles.soaks import memory_series, soak_blocks


def test_the_time_to_a_limit_has_the_interval_of_the_slope() -> None:
    rng = np.random.default_rng(3)
    blocks = soak_blocks(rng, 4, lambda: memory_series(rng, 60))
    found = time_to_exhaustion("with", "rss_bytes", 700e6, blocks, 0.01)
    assert found is not None
    assert found.soonest < found.hours < found.latest
    assert found.hours == pytest.approx(10, rel=0.05)
    constant = time_to_exhaustion("without", "rss_bytes", 700e6, blocks, 0.01)
    assert constant is not None
    assert constant.latest == math.inf
    reached = time_to_exhaustion("with", "rss_bytes", 50e6, blocks, 0.01)
    assert reached is not None
    assert reached.hours == 0
    assert time_to_exhaustion("with", "never_recorded", 700e6, blocks, 0.01) is None
