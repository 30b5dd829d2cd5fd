"""Whether a long series grows: slopes with honest errors, and the shape that a leak has.

The first third of every segment is dropped (a process that warms up grows), the rest is folded
into about 24 bins, and one slope is fitted to all segments, each with an intercept of its own: a
restart begins a segment. The slope's error comes from equal-weighted cosines of the scores
(Lazarus, Lewis, Stock & Watson, 2018), which stays honest where neighbours are alike. A slope
alone is no leak: a step, or a curve that flattens, has one too. A leak grows in every third
(Theil, 1950; Sen, 1968), and does not bend down.

Everything takes many series at once: the last axis is time, the others are kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lab.stats.student_t import critical_value

Values = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Fold = Literal["minimum", "median"]

DROPPED = 1 / 3
"""Share of every segment that is left out at its begin."""

BINS = 24
"""Bins that the kept part of a whole series is folded into."""

BINS_PER_COSINE = 4
"""24 bins make the 6 cosines (and degrees of freedom) of Lazarus et al."""

LEAST_BINS = 8
"""Below it no slope is told: a third would be a single pair."""

STEADY = 0.3
"""Every third of a leak grows at least by this share of the whole's slope."""

BENDING_TAIL = 0.05
"""A curvature against the slope is believed at this one-sided level ..."""

STANDSTILL = 0.5
"""... and matters if the fitted parabola ends with less than this share of the slope."""


@dataclass(frozen=True)
class Layout:
    """Which interval of a series falls into which bin.

    Attributes:
        bins: For each interval its bin, -1 where it is dropped; shape (intervals,).
        times: The middle of each bin, in the unit of the times given; shape (bins,).
        segments: The segment of each bin; shape (bins,).
    """

    bins: Indices
    times: Values
    segments: Indices

    def fold(self, values: Values, how: Fold) -> Values:
        """Return the minimum or the median of each bin; NaN where a bin holds nothing.

        Args:
            values: Shape (..., intervals); NaN where nothing was seen.
            how: ``minimum`` for what is freed late (memory), ``median`` for all else.

        Returns:
            Shape (..., bins).
        """
        folded = np.full((*values.shape[:-1], self.times.size), np.nan)
        for index in range(self.times.size):
            inside = values[..., self.bins == index]
            seen = ~np.isnan(inside)
            if seen.all():
                folded[..., index] = (
                    inside.min(axis=-1) if how == "minimum" else np.median(inside, axis=-1)
                )
            elif seen.any():
                # A bin of which one series saw nothing at all stays NaN for that series.
                some = seen.any(axis=-1)
                reduce = np.nanmin if how == "minimum" else np.nanmedian
                folded[some, index] = reduce(inside[some], axis=-1)
        return folded


def layout(times: Values, segments: Indices, bins: int = BINS) -> Layout:
    """Drop the first third of every segment and lay bins over the rest.

    Bins are of nearly equal size and never span two segments. A segment of which fewer than two
    bins remain tells nothing of a slope, and is dropped whole.

    Args:
        times: When each interval ended, ascending; shape (intervals,).
        segments: The segment of each interval, ascending; shape (intervals,).
        bins: How many there shall be, about.
    """
    kept: list[tuple[int, Indices]] = []
    for segment in np.unique(segments).tolist():
        members = np.flatnonzero(segments == segment)
        kept.append((segment, members[math.ceil(members.size * DROPPED) :]))
    size = max(1, sum(members.size for _, members in kept) // bins)
    chosen = np.full(times.size, -1, dtype=np.int64)
    middles: list[float] = []
    owners: list[int] = []
    for segment, members in kept:
        count = members.size // size
        if count < 2:
            continue
        for part in np.array_split(members, count):
            chosen[part] = len(middles)
            middles.append(float(times[part].mean()))
            owners.append(segment)
    return Layout(chosen, np.array(middles), np.array(owners, dtype=np.int64))


@dataclass(frozen=True)
class Slope:
    """A slope and how well it is known.

    Attributes:
        slope: Per unit of time; shape as the series given, without time.
        error: Its standard error, of the same shape.
        degrees: Degrees of freedom of the error.
        bending: The t statistic of the curvature, its sign turned so that below 0 means that the
            growth (or the fall) becomes slower.
        ending: The slope of a fitted parabola at the end, as a share of `slope`.
    """

    slope: Values
    error: Values
    degrees: int
    bending: Values
    ending: Values

    @property
    def saturating(self) -> npt.NDArray[np.bool_]:
        """Whether it bends towards a standstill, and beyond what chance does."""
        beyond_chance = self.bending < -critical_value(BENDING_TAIL, self.degrees)
        return np.asarray(beyond_chance & (self.ending < STANDSTILL))


def slope(times: Values, values: Values, segments: Indices) -> Slope:
    """Fit one slope over all segments, each with its own intercept.

    The error is that of Lazarus et al. (2018): the long-run variance of the scores is the mean
    square of their first cosine transforms, as many as `degrees`.

    Args:
        times: Ascending; shape (bins,).
        values: Shape (..., bins), finite.
        segments: Shape (bins,).

    Raises:
        ValueError: If there are fewer than `LEAST_BINS` bins, or no time passes within segments.
    """
    count = times.size
    if count < LEAST_BINS:
        raise ValueError(f"a slope needs at least {LEAST_BINS} bins, not {count}")
    time = _centred(times, segments)
    if not time.any():
        raise ValueError("no time passes within any segment")
    response = _centred(values, segments)
    linear = (response @ time) / (time @ time)
    residual = response - linear[..., np.newaxis] * time
    degrees = max(2, count // BINS_PER_COSINE)
    error = _error(residual * time, degrees) / (time @ time)

    square = _centred(time * time, segments)
    tilt = (square @ time) / (time @ time)
    square -= tilt * time
    curvature = (residual @ square) / (square @ square)
    rest = residual - curvature[..., np.newaxis] * square
    bent = _error(rest * square, degrees) / (square @ square)
    with np.errstate(divide="ignore", invalid="ignore"):
        bending = np.nan_to_num(np.sign(linear) * curvature / bent)
        ending = np.nan_to_num(1 + curvature * (2 * time.max() - tilt) / linear, nan=1.0)
    return Slope(linear, error, degrees, bending, ending)


def theil_sen(times: Values, values: Values, segments: Indices) -> Values:
    """Return the median slope of all pairs within segments (Theil, 1950; Sen, 1968).

    Args:
        times: Ascending; shape (bins,).
        values: Shape (..., bins), finite.
        segments: Shape (bins,).

    Returns:
        Per unit of time; NaN where no segment holds two bins.
    """
    first, second = np.triu_indices(times.size, 1)
    pairs = segments[first] == segments[second]
    first, second = first[pairs], second[pairs]
    if not first.size:
        return np.full(values.shape[:-1], np.nan)
    slopes = (values[..., second] - values[..., first]) / (times[second] - times[first])
    return np.asarray(np.median(slopes, axis=-1))


def thirds(times: Values, values: Values, segments: Indices) -> Values:
    """Return the Theil-Sen slope of each third of the segments, as a share of the whole's.

    Args:
        times: Ascending; shape (bins,).
        values: Shape (..., bins), finite.
        segments: Shape (bins,).

    Returns:
        Shape (..., 3). A third that holds no pair is NaN, as are all where the whole is level.
    """
    place = np.zeros(times.size)
    for segment in np.unique(segments).tolist():
        members = np.flatnonzero(segments == segment)
        place[members] = np.arange(members.size) / members.size
    whole = theil_sen(times, values, segments)
    parts = []
    for third in range(3):
        inside = (place * 3).astype(int) == third
        parts.append(theil_sen(times[inside], values[..., inside], segments[inside]))
    with np.errstate(divide="ignore", invalid="ignore"):
        shares: Values = np.stack(parts, axis=-1) / whole[..., np.newaxis]
    return np.where(np.isfinite(shares), shares, np.nan)


def steady(shares: Values, fitted: Slope) -> npt.NDArray[np.bool_]:
    """Whether it grows as a leak does: in every third, and without bending to a standstill.

    Args:
        shares: What `thirds` returned.
        fitted: What `slope` returned for the same values.
    """
    with np.errstate(invalid="ignore"):
        in_every_third = np.asarray((shares >= STEADY).all(axis=-1))
    return in_every_third & ~fitted.saturating


def _centred(values: Values, segments: Indices) -> Values:
    """Take each segment's mean off: what an intercept of its own does."""
    centred = np.array(values, dtype=np.float64)
    for segment in np.unique(segments).tolist():
        inside = segments == segment
        centred[..., inside] -= centred[..., inside].mean(axis=-1, keepdims=True)
    return centred


def _error(scores: Values, degrees: int) -> Values:
    """Return the standard error of the sum of the scores."""
    count = scores.shape[-1]
    frequencies = np.arange(1, degrees + 1)[:, np.newaxis]
    cosines = np.cos(math.pi * frequencies * (np.arange(count) + 0.5) / count)
    transforms = scores @ cosines.T * math.sqrt(2)
    return np.asarray(np.sqrt((transforms**2).mean(axis=-1)))
