"""Quantiles by nearest rank: always one of the values, never one between two of them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction


def nearest_rank(q: float, count: int) -> int:
    """The rank of a quantile: ``ceil(q * count)``, at least 1, in ascending order from 1 on.

    ``q`` is taken as the decimal that it prints as: in binary floating point 0.07 * 100 is more
    than 7, and the rank would be one too high.
    """
    return max(1, math.ceil(Fraction(str(q)) * count))


def quantile(values: Iterable[float], q: float) -> float | None:
    """The quantile of some values, 0 <= q <= 1, by nearest rank; None if there are none."""
    ascending = sorted(values)
    return ascending[nearest_rank(q, len(ascending)) - 1] if ascending else None
