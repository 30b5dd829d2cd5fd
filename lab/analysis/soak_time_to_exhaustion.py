"""The time until a process reaches a limit, if the slope of its series stays as it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lab.analysis.soak_binning import bin_block
from lab.analysis.soak_slope import estimate_slope
from lab.block_grouping import Block
from lab.stats.margins import SlopeMargins


@dataclass(frozen=True)
class TimeToExhaustion:
    """Hours until a limit is reached; infinite if it is not approached.

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
    """Return the time from a warm process to a limit, for an arm.

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
    found = [bin_block(block, series, [arm], margins) for block in blocks]
    binned = [each for each in found if each is not None]
    if slope is None or not binned:
        return None
    level = float(np.mean([each.values[0] for each in binned]))

    def hours(per_hour: float) -> float:
        if level >= limit:
            return 0.0
        return (limit - level) / per_hour if per_hour > 0 else math.inf

    return TimeToExhaustion(level, hours(slope.estimate), hours(slope.high), hours(slope.low))
