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

from lab.stats.student_t import critical_value

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

    values = np.random.default_rng(_SEED).standard_normal((_RUNS, last))
    counts = np.arange(1, last + 1)
    means = values.cumsum(axis=1) / counts
    squares = (values**2).cumsum(axis=1) - counts * means**2
    sufficed = np.full(_RUNS, math.inf)
    distances = []
    for count in range(first, last + 1):
        deviation = np.sqrt(np.maximum(squares[:, count - 1], 0.0) / (count - 1))
        half = critical_value(tail, count - 1) * deviation / math.sqrt(count)
        sufficed = np.minimum(sufficed, half - means[:, count - 1])
        distances.append(float(np.quantile(sufficed, LIKELY)))
    return tuple(distances)


def blocks_to_decide(distance: float, first: int, last: int, tail: float) -> int | None:
    """Return after how many blocks a run is likely decided; None if not up to the last look.

    Args:
        distance: Of the truth from the bound, in standard deviations of a block's value, >= 0.
        first: Blocks at the first look, at least 2.
        last: Blocks at the last look.
        tail: One-sided level of every look, in (0, 0.5).
    """
    wanted = likely_distances(first, last, tail)
    return next((n for n, enough in enumerate(wanted, first) if enough <= distance), None)
