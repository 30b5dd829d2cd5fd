"""Two arms compared, and the mean of one arm, over blocks.

A comparison is the paired log ratio per block. A share is averaged on the logit scale, any other
value as it is. Intervals are Student's t over blocks at a tail that the caller chooses (for
sequential looks: a Pocock level; Pocock, 1977), because requests within a trial are not
independent samples.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.analysis.estimate import Estimate
from lab.stats.confidence_interval import (
    ConfidenceInterval,
    expit,
    log_ratio,
    logit,
    t_interval,
    t_interval_of_logs,
)


def ratio(numerators: Sequence[float], denominators: Sequence[float], tail: float) -> Estimate:
    """Return the geometric mean of the per-block ratios.

    Args:
        numerators: One value of an arm per block, > 0.
        denominators: The other arm's values in the same blocks, > 0, in the same unit.
        tail: Probability left out on each side, in (0, 0.5).

    Raises:
        ValueError: If the lengths differ, or a value is not positive and finite.
    """
    return Estimate.from_interval(t_interval_of_logs(log_ratio(denominators, numerators), tail))


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
    return Estimate(pairs.estimate, low, high)


def mean(values: Sequence[float], tail: float) -> Estimate:
    """Return the mean of one arm's block values.

    Args:
        values: One per block, finite.
        tail: Probability left out on each side, in (0, 0.5).

    Raises:
        ValueError: If a value is not finite.
    """
    return Estimate.from_interval(t_interval(values, tail))


def mean_share(values: Sequence[float], tail: float) -> Estimate:
    """Return the mean of one arm's shares, on the logit scale unless a value is 0 or 1.

    Args:
        values: One per block, in [0, 1].
        tail: Probability left out on each side, in (0, 0.5).
    """
    if not all(0 < value < 1 for value in values):
        return mean(values, tail)
    log_odds = t_interval([logit(value) for value in values], tail)
    return Estimate.from_interval(
        ConfidenceInterval(expit(log_odds.estimate), expit(log_odds.low), expit(log_odds.high))
    )
