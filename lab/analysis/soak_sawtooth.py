"""Sawtooth patterns in a soak's series: memory that rises and is freed again and again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lab.trials.time_series import TimeSeries

MIN_FALLS = 3
"""Falls that make a sawtooth."""


@dataclass(frozen=True)
class Sawtooth:
    """The falls of a series.

    Attributes:
        falls: Number of falls from one interval to the next.
        depth: Their median, in the series' unit.
    """

    falls: int
    depth: float


def find_sawtooth(recorded: Sequence[TimeSeries], series: str) -> Sawtooth | None:
    """Return the falls of a series within its segments.

    A fall takes, from one interval to the next, more than half of the range between the 5th and
    the 95th percentile. With nearly as many steps upwards of that size, it is noise.

    Args:
        recorded: Of one arm, one per block.
        series: Its name, or a selector of gauges.

    Returns:
        None with fewer than `MIN_FALLS` falls, or more than a third as many rises.
    """
    depths: list[float] = []
    rises = 0
    for each in recorded:
        values = each.series(series)
        if values is None:
            continue
        for segment in np.unique(each.segments):
            own = values[(each.segments == segment) & np.isfinite(values)]
            if own.size < 3:
                continue
            low, high = np.quantile(own, (0.05, 0.95))
            steps = -np.diff(own)
            depths += steps[(steps > (high - low) / 2) & (steps > 0)].tolist()
            rises += int(((-steps > (high - low) / 2) & (steps < 0)).sum())
    if len(depths) < MIN_FALLS or rises > len(depths) / MIN_FALLS:
        return None
    return Sawtooth(len(depths), float(np.median(depths)))
