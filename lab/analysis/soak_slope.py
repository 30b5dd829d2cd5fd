"""The slope of a soak's series over blocks: of one arm, or of one arm minus another.

A block is one soak trial of every arm, all side by side. Each block gives a slope, of the
difference if two arms are compared, and the interval is Student's t over blocks. A single block
gives an interval from its own scatter (Lazarus et al., 2018): a screening. In both cases, a slope
whose series does not have the shape of a leak supports no claim of a leak (`lab.stats.leak_shape`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lab.analysis.estimate import SlopeEstimate
from lab.analysis.soak_binning import BinnedSeries, bin_block
from lab.stats.confidence_interval import t_interval
from lab.stats.leak_shape import has_leak_shape, shares_of_thirds
from lab.stats.margins import SlopeMargins
from lab.stats.student_t import critical_value
from lab.trials.block_grouping import Block

_LEAST_BINS = 6  # of a segment: two in each third


def estimate_slope(
    series: str, arms: Sequence[str], blocks: Sequence[Block], tail: float, margins: SlopeMargins
) -> SlopeEstimate | None:
    """Return the slope of a series over blocks.

    Args:
        series: Its name, or a selector of gauges.
        arms: One, or two for the slope of their difference; the second is subtracted.
        blocks: Complete ones, in order.
        tail: Probability left out on each side, in (0, 0.5).
        margins: How a series is binned, and when it has the shape of a leak.

    Returns:
        In the series' unit per hour; None without blocks, or if a block gives no slope.
    """
    return slope_over_blocks([bin_block(block, series, arms, margins) for block in blocks], tail)


def slope_over_blocks(found: Sequence[BinnedSeries | None], tail: float) -> SlopeEstimate | None:
    """Return the slope over blocks of what was binned of each.

    Args:
        found: `bin_block` of each block.
        tail: Probability left out on each side, in (0, 0.5).

    Returns:
        As `estimate_slope`.
    """
    binned = [each for each in found if each is not None]
    fits = [each.fit for each in binned if each.fit is not None]
    if not found or len(fits) < len(found):
        return None
    reason = _no_leak_reason(binned)
    if len(fits) == 1:
        [fitted] = fits
        slope, error = float(fitted.slope), float(fitted.error)
        half = critical_value(tail, fitted.degrees) * error
        return SlopeEstimate(slope, slope - half, slope + half, reason)
    interval = t_interval([float(fitted.slope) for fitted in fits], tail)
    return SlopeEstimate(interval.estimate, interval.low, interval.high, reason)


def _no_leak_reason(binned: Sequence[BinnedSeries]) -> str | None:
    """Why all blocks together do not have the shape of a leak; None if they have."""
    # blocks are averaged, and so is their noise
    whole = _pooled(binned)
    fitted = whole.fit
    if fitted is None:
        return "there is too little of it to tell its shape"
    shares = shares_of_thirds(whole.times, whole.values, whole.segments)
    if bool(has_leak_shape(shares, fitted, whole.margins)):
        return None
    if np.isnan(shares).any() and np.bincount(whole.segments).max() < _LEAST_BINS:
        return (
            "restarts left no stretch of it long enough to tell its shape. Write more and so "
            "shorter blocks, which have finer bins: `soak: {pairs: ...}`"
        )
    slowest = int(np.argmin(np.where(np.isnan(shares), -math.inf, shares)))
    min_third = whole.margins.min_third
    if not (shares >= min_third).all():
        place = ("first", "second", "last")[slowest]
        share = float(shares[slowest])
        grew = "nothing" if math.isnan(share) else f"{share:.2g} of the whole"
        return f"its {place} third grew by {grew} (a leak: at least {min_third:g})"
    return (
        f"it bends towards a standstill ({float(fitted.final_share):.2g} of its slope at the end)"
    )


def _pooled(binned: Sequence[BinnedSeries]) -> BinnedSeries:
    """Return the mean of the blocks if all have the same bins; else all of them in sequence."""
    first = binned[0]
    same_bins = all(
        each.times.size == first.times.size and (each.segments == first.segments).all()
        for each in binned
    )
    if same_bins:
        values = np.mean([each.values for each in binned], axis=0)
        return BinnedSeries(first.times, values, first.segments, first.margins)
    times, values, segments = [], [], []
    offset = 0
    for each in binned:
        times.append(each.times + offset)
        values.append(each.values)
        segments.append(each.segments + offset)
        # beyond every time and segment so far: each block keeps its own intercepts
        offset += 1 + math.ceil(max(float(each.times.max()), float(each.segments.max())))
    return BinnedSeries(
        np.concatenate(times), np.concatenate(values), np.concatenate(segments), first.margins
    )
