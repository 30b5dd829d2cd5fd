"""Arms compared, and levels of one arm, over blocks.

A comparison is the paired log ratio per block; a share is taken on the logit scale, a level as
it is. Intervals are Student t over blocks at a tail that the caller chooses (for sequential looks:
a Pocock level; Pocock 1977), because requests within a trial are not independent samples.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.analysis.estimate import Estimate
from lab.stats.confidence_interval import expit, log_ratio, logit, t_interval, t_interval_of_logs


def ratio(numerators: Sequence[float], denominators: Sequence[float], tail: float) -> Estimate:
    """Geometric mean of the per-block ratios. All values must be above 0."""
    interval = t_interval_of_logs(log_ratio(denominators, numerators), tail)
    return Estimate(interval.estimate, interval.low, interval.high)


def level(values: Sequence[float], tail: float) -> Estimate:
    """Mean of one arm's block values."""
    interval = t_interval(values, tail)
    return Estimate(interval.estimate, interval.low, interval.high)


def share(values: Sequence[float], tail: float) -> Estimate:
    """Mean of shares in [0, 1]: on the logit scale unless a value lies on the edge."""
    if not all(0 < value < 1 for value in values):
        return level(values, tail)
    interval = t_interval([logit(value) for value in values], tail)
    return Estimate(expit(interval.estimate), expit(interval.low), expit(interval.high))
