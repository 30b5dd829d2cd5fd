"""Bins over the time of a long series: the first third of every segment dropped, the rest binned.

A process that warms up grows, so that the first third of every segment is dropped. A restart
begins a new segment. Many series are handled at once: the last axis is time, the others are kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lab.stats.margins import SlopeMargins

Values = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Reduction = Literal["minimum", "median"]


@dataclass(frozen=True)
class TimeBins:
    """The assignment of a series' intervals to bins.

    Attributes:
        bin_of: The bin of each interval, -1 if it is dropped; shape (intervals,).
        times: The middle of each bin, in the unit of the times given; shape (bins,).
        segments: The segment of each bin; shape (bins,).
    """

    bin_of: Indices
    times: Values
    segments: Indices

    def reduce(self, values: Values, reduction: Reduction) -> Values:
        """Return the minimum or the median of each bin.

        Args:
            values: Shape (..., intervals); NaN if nothing was recorded.
            reduction: ``minimum`` for what is freed late (memory), ``median`` otherwise.

        Returns:
            Shape (..., bins); NaN for a bin without a recorded value.
        """
        reduced = np.full((*values.shape[:-1], self.times.size), np.nan)
        for index in range(self.times.size):
            inside = values[..., self.bin_of == index]
            recorded = ~np.isnan(inside)
            if recorded.all():
                reduced[..., index] = (
                    inside.min(axis=-1) if reduction == "minimum" else np.median(inside, axis=-1)
                )
            elif recorded.any():
                # a series without any value in this bin stays NaN
                some = recorded.any(axis=-1)
                reduce = np.nanmin if reduction == "minimum" else np.nanmedian
                reduced[some, index] = reduce(inside[some], axis=-1)
        return reduced


def missing_share(values: Values, segments: Indices) -> float:
    """Return the share of bins without a value, of the segments that have any.

    Args:
        values: Reduced; shape (bins,).
        segments: Of each bin; shape (bins,).
    """
    present = np.isfinite(values)
    within = present[np.isin(segments, segments[present])]
    return 1.0 - float(within.mean()) if within.size else 0.0


def time_bins(times: Values, segments: Indices, margins: SlopeMargins) -> TimeBins:
    """Drop the start of every segment and divide the rest into bins.

    Bins are of nearly equal size and never span two segments. A segment with fewer than two bins
    gives no slope, and is dropped as a whole.

    Args:
        times: The end of each interval, ascending; shape (intervals,).
        segments: The segment of each interval, ascending; shape (intervals,).
        margins: Which share is dropped, and the approximate number of bins.
    """
    kept: list[tuple[int, Indices]] = []
    for segment in np.unique(segments).tolist():
        members = np.flatnonzero(segments == segment)
        kept.append((segment, members[math.ceil(members.size * margins.dropped_share) :]))
    size = max(1, sum(members.size for _, members in kept) // margins.bins)
    bin_of = np.full(times.size, -1, dtype=np.int64)
    middles: list[float] = []
    owners: list[int] = []
    for segment, members in kept:
        count = members.size // size
        if count < 2:
            continue
        for part in np.array_split(members, count):
            bin_of[part] = len(middles)
            middles.append(float(times[part].mean()))
            owners.append(segment)
    return TimeBins(bin_of, np.array(middles), np.array(owners, dtype=np.int64))
