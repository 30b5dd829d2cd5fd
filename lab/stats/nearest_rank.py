"""Quantiles by nearest rank: always one of the values, never between two of them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction


def nearest_rank(q: float, count: int) -> int:
    """Return the rank of a quantile: ``ceil(q * count)``, at least 1, in ascending order.

    Args:
        q: Between 0 and 1, taken as the decimal that it prints as. In binary floating point
            0.07 * 100 exceeds 7, and the rank would be one too high.
        count: Number of values.
    """
    return max(1, math.ceil(Fraction(str(q)) * count))


def quantile(values: Iterable[float], q: float) -> float | None:
    """Return a quantile by nearest rank; None without values.

    Args:
        values: In any order.
        q: Between 0 and 1.

    Returns:
        One of the values.
    """
    ascending = sorted(values)
    return ascending[nearest_rank(q, len(ascending)) - 1] if ascending else None
