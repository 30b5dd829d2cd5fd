"""The recorded time series of a soak trial, binned: what slopes are fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lab.hypothesis import Step
from lab.measures.table import series_reduction
from lab.stats.margins import SlopeMargins
from lab.stats.slope_regression import SlopeFit, fit_slope
from lab.stats.time_bins import missing_share, time_bins
from lab.trials.block_grouping import Block
from lab.trials.time_series import TimeSeries
from lab.trials.trial import SoakEvidence

Values = npt.NDArray[np.float64]

HOUR_S = 3600.0


@dataclass(frozen=True)
class BinnedSeries:
    """A series of one arm in one block, or the difference of two arms, in bins.

    Attributes:
        times: Hours since the block began; shape (bins,).
        values: In the series' unit; shape (bins,).
        segments: Which process lifetime, from one restart to the next; shape (bins,).
        margins: How many bins a slope needs, and when it has the shape of a leak.
        missing: Share of the bins that had no value, and are left out; of the process lifetimes
            that have any.
    """

    times: Values
    values: Values
    segments: npt.NDArray[np.int64]
    margins: SlopeMargins
    missing: float = 0.0

    @cached_property
    def fit(self) -> SlopeFit | None:
        """The slope per hour; None with too few bins, or if too many have no value."""
        if self.times.size < self.margins.min_bins or self.missing > self.margins.max_missing:
            return None
        return fit_slope(self.times, self.values, self.segments, self.margins)


def time_series_of(block: Block, arm: str) -> TimeSeries | None:
    """Return what a soak recorded of an arm in a block; None if it is not a soak's."""
    [trial] = block[Step(arm)]
    return trial.evidence.time_series if isinstance(trial.evidence, SoakEvidence) else None


def bin_series(
    recorded: Sequence[TimeSeries], series: str, margins: SlopeMargins
) -> BinnedSeries | None:
    """Return a series in bins; for two arms their difference, bin by bin.

    Both arms have the same bins: a restart of either begins a segment.

    Args:
        recorded: Of one arm, or of two arms in the same block: the second is subtracted.
        series: Its name, or a selector of gauges.
        margins: Which part is dropped, how many bins there are, and what a slope needs.

    Returns:
        Bins with a value; None if there is no interval or an arm lacks the series.
    """
    values = [each.series(series) for each in recorded]
    length = min(each.times.size for each in recorded)
    if not length or any(each is None for each in values):
        return None
    segments = np.zeros(length, dtype=np.int64)
    for each in recorded:
        segments[1:] += np.cumsum(np.diff(each.segments[:length]) != 0)
    bins = time_bins(recorded[0].times[:length] / HOUR_S, segments, margins)
    reduction = series_reduction(series)
    reduced = [bins.reduce(each[:length], reduction) for each in values if each is not None]
    difference = reduced[0] - reduced[1] if reduced[1:] else reduced[0]
    present = np.isfinite(difference)
    missing = missing_share(difference, bins.segments)
    return BinnedSeries(
        bins.times[present], difference[present], bins.segments[present], margins, missing
    )


def bin_block(
    block: Block, series: str, arms: Sequence[str], margins: SlopeMargins
) -> BinnedSeries | None:
    """Return a series of one arm in a block, or of two arms the difference, in bins.

    Args:
        block: Of a soak.
        series: Its name, or a selector of gauges.
        arms: One or two; the second is subtracted.
        margins: As of `bin_series`.

    Returns:
        As `bin_series`; None also if nothing was recorded of an arm.
    """
    found = [time_series_of(block, arm) for arm in arms]
    recorded = [each for each in found if each is not None]
    if len(recorded) < len(found):
        return None
    return bin_series(recorded, series, margins)
