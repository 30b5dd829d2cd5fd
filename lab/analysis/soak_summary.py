"""Every series of a soak in a few numbers, as a report shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lab.analysis.estimate import SlopeEstimate
from lab.analysis.soak_binning import time_series_of
from lab.analysis.soak_sawtooth import Sawtooth, find_sawtooth
from lab.analysis.soak_slope import estimate_slope
from lab.stats.margins import SlopeMargins
from lab.trials.block_grouping import Block


@dataclass(frozen=True)
class SeriesSummary:
    """One series of one arm over all blocks.

    Attributes:
        series: Its name.
        arm: Its name.
        slope: Over blocks, per hour; None if a block gives none.
        lowest: Smallest value, in the series' unit.
        highest: Largest value, in the series' unit.
        sawtooth: The falls of the series; None if it is no sawtooth.
    """

    series: str
    arm: str
    slope: SlopeEstimate | None
    lowest: float
    highest: float
    sawtooth: Sawtooth | None


def summarize_series(
    arms: Sequence[str], blocks: Sequence[Block], tail: float, margins: SlopeMargins
) -> list[SeriesSummary]:
    """Return a summary of every series of every arm that has a value.

    Args:
        arms: In the order of the hypothesis.
        blocks: Complete ones, in order.
        tail: Probability left out on each side of an interval.
        margins: How a series is binned, and when it has the shape of a leak.

    Returns:
        By series, and for each series by arm.
    """
    recorded = {
        arm: [found for block in blocks if (found := time_series_of(block, arm))] for arm in arms
    }
    names = dict.fromkeys(
        name for own in recorded.values() for each in own for name in each.columns
    )
    summaries = []
    for name in names:
        for arm in arms:
            values = [v for each in recorded[arm] if (v := each.series(name)) is not None]
            together = np.concatenate([np.empty(0), *values])
            finite = together[np.isfinite(together)]
            if not finite.size:
                continue
            summaries.append(
                SeriesSummary(
                    series=name,
                    arm=arm,
                    slope=estimate_slope(name, [arm], blocks, tail, margins),
                    lowest=float(finite.min()),
                    highest=float(finite.max()),
                    sawtooth=find_sawtooth(recorded[arm], name),
                )
            )
    return summaries
