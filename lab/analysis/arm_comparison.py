"""Two arms compared, and the mean of one arm, over blocks.

A comparison is the paired log ratio per block. A share is averaged on the logit scale, any other
value as it is. Intervals are Student's t over blocks at a tail that the caller chooses (for
sequential looks: a Pocock level; Pocock, 1977), because requests within a trial are not
independent samples.

Values that are known in steps may be equal in a few blocks by chance. Then they have no interval
yet: one of width 0 would decide at the first look.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from lab.analysis.estimate import Estimate
from lab.stats.confidence_interval import (
    ConfidenceInterval,
    count_beyond_chance,
    expit,
    log_ratio,
    logit,
    t_interval,
    t_interval_of_logs,
)

_ROUNDING = 1e-9  # of values that are equal: windows are differences of a monotonic clock


def ratio(
    numerators: Sequence[float], denominators: Sequence[float], tail: float, chance: float = 0.0
) -> Estimate:
    """Return the geometric mean of the per-block ratios.

    Args:
        numerators: One value of an arm per block, > 0.
        denominators: The other arm's values in the same blocks, > 0, in the same unit.
        tail: Probability left out on each side, in (0, 0.5).
        chance: See `count_beyond_chance`; 0 if equal values always have an interval, of width 0.

    Raises:
        ValueError: If the lengths differ, or a value is not positive and finite.
    """
    found = Estimate.from_interval(t_interval_of_logs(log_ratio(denominators, numerators), tail))
    return _beyond_chance(found, len(numerators), tail, chance)


def ratio_of_slices(pairs: Estimate, together: Estimate) -> Estimate:
    """Return the ratio of arms that were loaded in turn, slice by slice.

    A median over pairs of slices cancels the machine's changes of speed, but it does not see what
    happens to one arm in less than half of its slices: pauses for a garbage collection, one slow
    request in a hundred. The ratio of all slices together does. So the interval of the pairs
    is extended to it; where it shows that the pairs are no measure of the whole, it stands alone.

    Args:
        pairs: Of the medians over pairs of slices.
        together: Of the values of all slices together, in the same blocks, with the same tail.
    """
    if pairs.estimate < together.low or pairs.estimate > together.high:
        return together
    low, high = min(pairs.low, together.estimate), max(pairs.high, together.estimate)
    return replace(pairs, low=low, high=high)


def mean(values: Sequence[float], tail: float, chance: float = 0.0) -> Estimate:
    """Return the mean of one arm's block values.

    Args:
        values: One per block, finite.
        tail: Probability left out on each side, in (0, 0.5).
        chance: See `count_beyond_chance`; 0 if equal values always have an interval, of width 0.

    Raises:
        ValueError: If a value is not finite.
    """
    return _beyond_chance(
        Estimate.from_interval(t_interval(values, tail)), len(values), tail, chance
    )


def mean_share(values: Sequence[float], tail: float, chance: float = 0.0) -> Estimate:
    """Return the mean of one arm's shares, on the logit scale unless a value is 0 or 1.

    Args:
        values: One per block, in [0, 1].
        tail: Probability left out on each side, in (0, 0.5).
        chance: See `count_beyond_chance`; 0 if equal values always have an interval, of width 0.
    """
    if not all(0 < value < 1 for value in values):
        return mean(values, tail, chance)
    log_odds = t_interval([logit(value) for value in values], tail)
    found = Estimate.from_interval(
        ConfidenceInterval(expit(log_odds.estimate), expit(log_odds.low), expit(log_odds.high))
    )
    return _beyond_chance(found, len(values), tail, chance)


def _beyond_chance(found: Estimate, count: int, tail: float, chance: float) -> Estimate:
    """The estimate, without an interval if so many values may be equal by chance."""
    is_equal = math.isclose(found.low, found.high, rel_tol=_ROUNDING)
    enough = count_beyond_chance(tail, chance)
    if not is_equal or count >= enough:
        return found
    return replace(found, low=-math.inf, high=math.inf, equal_until=enough)
