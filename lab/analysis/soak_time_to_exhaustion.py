"""The time until a process reaches a limit, if the slope of its series stays as it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lab.analysis.soak_binning import HOUR_S, bin_block, time_series_of
from lab.analysis.soak_slope import estimate_slope
from lab.stats.margins import SlopeMargins
from lab.trials.block_grouping import Block


@dataclass(frozen=True)
class TimeToExhaustion:
    """Hours from the start of a process until it reaches a limit; infinite if it never does.

    Attributes:
        level: Mean value at the start of the kept part, of a process that has warmed up.
        hours: By the estimate of the slope.
        soonest: By the upper end of its interval.
        latest: By the lower end of its interval.
    """

    level: float
    hours: float
    soonest: float
    latest: float


def time_to_exhaustion(
    arm: str,
    series: str,
    limit: float,
    blocks: Sequence[Block],
    tail: float,
    margins: SlopeMargins,
) -> TimeToExhaustion | None:
    """Return the time from the start of a process to a limit, for an arm.

    The slope is that of the kept part, and is continued from there in both directions.

    Args:
        arm: Its name.
        series: The name of the series, or a selector of gauges.
        limit: In the series' unit.
        blocks: Complete ones, in order.
        tail: Probability left out on each side of the slope's interval.
        margins: How a series is binned.

    Returns:
        None if there is no slope.
    """
    slope = estimate_slope(series, [arm], blocks, tail, margins)
    found = [(block, bin_block(block, series, [arm], margins)) for block in blocks]
    binned = [(block, each) for block, each in found if each is not None]
    if slope is None or not binned:
        return None
    level = float(np.mean([each.values[0] for _, each in binned]))
    age = float(np.mean([_age(block, arm, float(each.times[0])) for block, each in binned]))

    def hours(per_hour: float) -> float:
        if per_hour > 0:
            return max(0.0, age + (limit - level) / per_hour)
        return math.inf if level < limit else 0.0

    return TimeToExhaustion(level, hours(slope.estimate), hours(slope.high), hours(slope.low))


def _age(block: Block, arm: str, moment: float) -> float:
    """Hours for which the process had run at a moment, in hours since the block began."""
    recorded = time_series_of(block, arm)
    assert recorded is not None
    times = recorded.times / HOUR_S
    segment = recorded.segments[np.searchsorted(times, moment)]
    before = times[recorded.segments < segment]
    return moment - (float(before[-1]) if before.size else 0.0)
