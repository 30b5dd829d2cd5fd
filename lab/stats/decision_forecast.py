"""How many blocks a decision is likely to take, by simulating the rule that will decide.

The rule looks at Student's t after every block at one constant level (Pocock, 1977). Runs of
normal block values with a standard deviation of 1 are drawn with a fixed seed. For each run and
look, the distance of the truth from the bound that would have sufficed up to then is known in
closed form: the smallest of ``critical * s / sqrt(n) - mean`` so far. So one set of draws answers
for every distance (operating characteristics by simulation: Jennison & Turnbull, 2000).
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

from lab.stats.student_t import critical_value

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LIKELY = 0.9
"""Share of the runs that makes a decision likely."""

_RUNS = 20_000
_SEED = 1977


@cache
def likely_distances(first: int, last: int, tail: float) -> tuple[float, ...]:
    """Return the distance from the bound at which a run is likely decided, for each look.

    Args:
        first: Blocks at the first look, at least 2.
        last: Blocks at the last look.
        tail: One-sided level of every look, in (0, 0.5).

    Returns:
        For the looks from `first` to `last`, in standard deviations of a block's value; descending.
    """
    import numpy as np  # heavy: most commands need no forecast

    means, halves = _draws(first, last, tail)
    sufficed = np.minimum.accumulate(halves - means, axis=1)
    return tuple(float(distance) for distance in np.quantile(sufficed, LIKELY, axis=0))


def blocks_to_decide(
    distance: float, first: int, last: int, tail: float, other: float = math.inf
) -> int | None:
    """Return after how many blocks a run is likely decided; None if not up to the last look.

    Args:
        distance: Of the truth from the bound, in standard deviations of a block's value, >= 0.
        first: Blocks at the first look, at least 2.
        last: Blocks at the last look.
        tail: One-sided level of every look, in (0, 0.5).
        other: Distance from an edge on the other side that the interval must not reach either.
    """
    if math.isinf(other):
        wanted = likely_distances(first, last, tail)
        return next((n for n, enough in enumerate(wanted, first) if enough <= distance), None)
    shares = _shares_within(distance, other, first, last, tail)
    return next((n for n, share in enumerate(shares, first) if share >= LIKELY), None)


def _shares_within(
    distance: float, other: float, first: int, last: int, tail: float
) -> list[float]:
    """The share of the runs whose interval was between two edges by each look."""
    import numpy as np

    means, halves = _draws(first, last, tail)
    is_between = (halves - means <= distance) & (halves + means <= other)
    return [float(share) for share in np.logical_or.accumulate(is_between, axis=1).mean(axis=0)]


def _draws(
    first: int, last: int, tail: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The mean of each simulated run and half of its interval, a column for each look."""
    import numpy as np

    values = np.random.default_rng(_SEED).standard_normal((_RUNS, last))
    counts = np.arange(1, last + 1)
    means = values.cumsum(axis=1) / counts
    squares = (values**2).cumsum(axis=1) - counts * means**2
    looks = slice(first - 1, last)
    deviations = np.sqrt(np.maximum(squares[:, looks], 0.0) / (counts[looks] - 1))
    critical = np.array([critical_value(tail, count - 1) for count in range(first, last + 1)])
    return means[:, looks], critical * deviations / np.sqrt(counts[looks])
