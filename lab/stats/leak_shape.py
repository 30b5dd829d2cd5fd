"""Whether a series has the shape of a leak: a slope in every third, and no saturation.

A slope alone is no leak. A step, or a curve that flattens, has one too. A leak has a Theil-Sen
slope (Theil, 1950; Sen, 1968) in every third of the time, and does not flatten. Many series are
handled at once: the last axis is time, the others are kept.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lab.stats.margins import SlopeMargins
from lab.stats.slope_regression import SlopeFit

Values = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


def theil_sen_slope(times: Values, values: Values, segments: Indices) -> Values:
    """Return the median slope of all pairs within segments (Theil, 1950; Sen, 1968).

    Args:
        times: Ascending; shape (bins,).
        values: Shape (..., bins), finite.
        segments: The segment of each bin; shape (bins,).

    Returns:
        Per unit of time, shape (...); NaN if no segment holds two bins.
    """
    first, second = np.triu_indices(times.size, 1)
    pairs = segments[first] == segments[second]
    first, second = first[pairs], second[pairs]
    if not first.size:
        return np.full(values.shape[:-1], np.nan)
    slopes = (values[..., second] - values[..., first]) / (times[second] - times[first])
    return np.asarray(np.median(slopes, axis=-1))


def shares_of_thirds(times: Values, values: Values, segments: Indices) -> Values:
    """Return the Theil-Sen slope of each third of the segments, as a share of the whole's.

    Args:
        times: Ascending; shape (bins,).
        values: Shape (..., bins), finite.
        segments: The segment of each bin; shape (bins,).

    Returns:
        Shape (..., 3). NaN for a third without a pair of bins, and for all three if the slope of
        the whole is 0.
    """
    place = np.zeros(times.size)
    for segment in np.unique(segments).tolist():
        members = np.flatnonzero(segments == segment)
        place[members] = np.arange(members.size) / members.size
    whole = theil_sen_slope(times, values, segments)
    parts = []
    for third in range(3):
        inside = (place * 3).astype(int) == third
        parts.append(theil_sen_slope(times[inside], values[..., inside], segments[inside]))
    with np.errstate(divide="ignore", invalid="ignore"):
        shares: Values = np.stack(parts, axis=-1) / whole[..., np.newaxis]
    return np.where(np.isfinite(shares), shares, np.nan)


def has_leak_shape(
    shares: Values, fitted: SlopeFit, margins: SlopeMargins
) -> npt.NDArray[np.bool_]:
    """Return whether each series has the shape of a leak, upwards or downwards.

    Args:
        shares: What `shares_of_thirds` returned; shape (..., 3).
        fitted: What `fit_slope` returned for the same values.
        margins: Of which `min_third` counts.

    Returns:
        Shape (...).
    """
    with np.errstate(invalid="ignore"):
        in_every_third = np.asarray((shares >= margins.min_third).all(axis=-1))
    return in_every_third & ~fitted.saturating
