"""Every series of a soak in a few numbers."""

from __future__ import annotations

import numpy as np

from tests.default_margins import summarize_series
from tests.oracles.soaks import memory_series, soak_blocks


def test_every_series_of_every_arm_has_a_summary() -> None:
    rng = np.random.default_rng(3)
    blocks = soak_blocks(rng, 4, lambda: memory_series(rng, 60))
    found = summarize_series(["with", "without"], blocks, 0.01)
    assert [(each.series, each.arm) for each in found] == [
        ("rss_bytes", "with"),
        ("rss_bytes", "without"),
        ('rooms{kind="a"}', "with"),
        ('rooms{kind="a"}', "without"),
    ]
    leak = found[0]
    assert leak.slope is not None
    assert leak.slope.low < 60e6 < leak.slope.high
    assert 99e6 < leak.lowest < 101e6 < 114e6 < leak.highest < 117e6
    assert leak.sawtooth is None
    assert (found[2].lowest, found[2].highest) == (5, 900)
