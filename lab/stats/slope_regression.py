"""One slope over the segments of a series, its standard error, and its curvature.

Least squares with an intercept for each segment. The standard error comes from equal-weighted
cosines of the scores (Lazarus, Lewis, Stock & Watson, 2018), which is valid for autocorrelated
noise. Many series are handled at once: the last axis is time, the others are kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.stats.margins import SlopeMargins
from lab.stats.student_t import critical_value

Values = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SlopeFit:
    """A fitted slope, its standard error, and the curvature of the series.

    All arrays have the shape of the series given, without the axis of time.

    Attributes:
        slope: Per unit of time.
        error: Standard error of the slope.
        degrees: Degrees of freedom of the error.
        curvature_t: t statistic of the curvature, its sign turned so that a negative one means
            that the slope flattens, in either direction.
        final_share: Slope of the fitted parabola at the end, as a share of `slope`.
        saturating: Whether the series flattens significantly towards a standstill.
    """

    slope: Values
    error: Values
    degrees: int
    curvature_t: Values
    final_share: Values
    saturating: npt.NDArray[np.bool_]


def fit_slope(times: Values, values: Values, segments: Indices, margins: SlopeMargins) -> SlopeFit:
    """Fit one slope over all segments, each with an intercept of its own.

    The error is that of Lazarus et al. (2018): the long-run variance of the scores is the mean
    square of their first cosine transforms, as many as `degrees`.

    Args:
        times: Ascending; shape (bins,).
        values: Shape (..., bins), finite.
        segments: The segment of each bin; shape (bins,).
        margins: How many bins are needed, how many cosines they give, and what flattens.

    Raises:
        ValueError: If there are fewer than `min_bins` bins, or no time passes within segments.
    """
    count = times.size
    if count < margins.min_bins:
        raise ValueError(f"a slope needs at least {margins.min_bins} bins, not {count}")
    time = _centred(times, segments)
    if not time.any():
        raise ValueError("no time passes within any segment")
    response = _centred(values, segments)
    linear = (response @ time) / (time @ time)
    residual = response - linear[..., np.newaxis] * time
    degrees = max(2, count // margins.bins_per_cosine)
    error = _error(residual * time, degrees) / (time @ time)

    square = _centred(time * time, segments)
    tilt = (square @ time) / (time @ time)
    square -= tilt * time
    curvature = (residual @ square) / (square @ square)
    rest = residual - curvature[..., np.newaxis] * square
    curvature_error = _error(rest * square, degrees) / (square @ square)
    with np.errstate(divide="ignore", invalid="ignore"):
        curvature_t = np.nan_to_num(np.sign(linear) * curvature / curvature_error)
        final_share = np.nan_to_num(1 + curvature * (2 * time.max() - tilt) / linear, nan=1.0)
    significant = curvature_t < -critical_value(margins.curvature_tail, degrees)
    saturating = np.asarray(significant & (final_share < margins.min_final_slope))
    return SlopeFit(linear, error, degrees, curvature_t, final_share, saturating)


def _centred(values: Values, segments: Indices) -> Values:
    """Subtract each segment's mean, which has the effect of an intercept for each."""
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
