"""The fitted line in each segment of a soak's series, as a chart draws it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lab.analysis.soak_binning import bin_series
from lab.stats.margins import SlopeMargins
from lab.trials.time_series import TimeSeries


@dataclass(frozen=True)
class SegmentFit:
    """The fitted line over the kept part of a series in one segment.

    Attributes:
        begin: Start of the kept part, hours since the block began.
        end: End of the kept part, hours since the block began.
        low: Value of the line at `begin`, in the series' unit.
        high: Value of the line at `end`, in the series' unit.
    """

    begin: float
    end: float
    low: float
    high: float


def fit_segments(recorded: TimeSeries, series: str, margins: SlopeMargins) -> list[SegmentFit]:
    """Return a line for each segment, all with the same slope.

    Args:
        recorded: Of one arm in one block.
        series: Its name, or a selector of gauges.
        margins: How a series is binned.

    Returns:
        In the order of time; empty if there is no slope.
    """
    binned = bin_series([recorded], series, margins)
    if binned is None or (fitted := binned.fit) is None:
        return []
    slope, lines = float(fitted.slope), []
    for segment in np.unique(binned.segments):
        inside = binned.segments == segment
        times, values = binned.times[inside], binned.values[inside]
        middle, level = float(times.mean()), float(values.mean())
        begin, end = float(times[0]), float(times[-1])
        lines.append(
            SegmentFit(
                begin=begin,
                end=end,
                low=level + slope * (begin - middle),
                high=level + slope * (end - middle),
            )
        )
    return lines
