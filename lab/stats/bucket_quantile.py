"""A quantile of a histogram that is known by the counts of its buckets, as Prometheus has them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple


class BucketQuantile(NamedTuple):
    """A quantile: what is likeliest, and the edges of the bucket that it lies in."""

    value: float
    low: float
    high: float


def bucket_quantile(
    cumulative: Mapping[float, float], quantile: float, beyond: float, min_below: float = 0
) -> BucketQuantile:
    """Return a quantile, by linear interpolation within its bucket, as Prometheus does.

    Values may lie anywhere in a bucket: nothing is known but its edges.

    Args:
        cumulative: By the upper edge of each bucket, how many values were at most so large; the
            last edge is infinite.
        quantile: From 0 to 1, taken as the decimal that it prints as.
        beyond: How many values must lie above it, for it to be known at all.
        min_below: How many must lie below it. 0 if any may: then 100 values are too few for 10
            above 0.9, as they were in floating point.

    Raises:
        ValueError: The buckets cannot tell; the text says why, as a clause.
    """
    edges = sorted(cumulative)
    if not edges or edges[-1] != math.inf or len(edges) < 2:
        raise ValueError("it has no buckets up to infinity")
    count = cumulative[math.inf]
    if _too_few(count, quantile, beyond, min_below):
        raise ValueError(f"too few samples ({count:,.0f})")
    rank, below, lower = quantile * count, 0.0, -math.inf
    for edge in edges:
        if cumulative[edge] >= rank:
            break
        below, lower = cumulative[edge], edge
    if edge == math.inf:
        raise ValueError(f"it lies above the highest bucket, which ends at {lower:g}")
    if lower == -math.inf:
        raise ValueError(f"it lies in the lowest bucket, which ends at {edge:g}")
    value = lower + (edge - lower) * (rank - below) / (cumulative[edge] - below)
    return BucketQuantile(value, lower, edge)


def _too_few(count: float, quantile: float, beyond: float, below: float) -> bool:
    if not below or not math.isfinite(count):
        return count * (1 - quantile) < beyond
    values, share = Fraction(count), Fraction(str(quantile))
    return values * (1 - share) < beyond or values * share < below
