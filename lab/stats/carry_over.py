"""Whether what one arm leaves behind falls into the next slice of another.

Work that outlasts a slice (a queue that drains, write-back, a garbage collection) slows down
whatever is measured next, and pulls the arms towards each other. In random order an arm sometimes
follows itself: then nothing of another arm can fall into its slice. The two kinds of slices are
compared by the rank-sum test (Mann & Whitney, 1947), because single slices are disturbed by far
more than a normal error.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

MIN_SLICES = 5  # of each kind


@dataclass(frozen=True)
class CarryOver:
    """How slices differ by what they follow.

    Attributes:
        change: Of those that follow another arm, relative to those that follow the same one: the
            difference of the medians, on the scale of the values.
        p: Probability of such a difference, or a larger one, without any carry-over; two-sided.
        after_other: How many slices follow another arm.
        after_same: How many follow the same one.
    """

    change: float
    p: float
    after_other: int
    after_same: int


def carry_over(after_other: Sequence[float], after_same: Sequence[float]) -> CarryOver | None:
    """Compare the slices of one arm by what they follow.

    Args:
        after_other: Values of the slices that follow another arm, finite; any shape of
            distribution, with what all arms of a round share taken out.
        after_same: Of those that follow the same arm.

    Returns:
        None if there are fewer than `MIN_SLICES` of either.
    """
    n, m = len(after_other), len(after_same)
    if min(n, m) < MIN_SLICES:
        return None
    larger = sum(
        (1.0 if a > b else 0.5 if a == b else 0.0) for a in after_other for b in after_same
    )
    deviation = math.sqrt(n * m * (n + m + 1) / 12)
    distance = max(0.0, abs(larger - n * m / 2) - 0.5)  # continuity
    p = 2 * (1 - statistics.NormalDist().cdf(distance / deviation))
    change = statistics.median(after_other) - statistics.median(after_same)
    return CarryOver(change, min(1.0, p), n, m)
