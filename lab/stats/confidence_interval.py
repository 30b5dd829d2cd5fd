"""Student's t intervals over block values, and the scales on which these are compared."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from lab.stats.student_t import critical_value


@dataclass(frozen=True)
class ConfidenceInterval:
    """An estimate and its confidence interval.

    Attributes:
        estimate: The point estimate; NaN without any value.
        low: Lower end, ``-inf`` with fewer than two values.
        high: Upper end, ``inf`` with fewer than two values.
    """

    estimate: float
    low: float
    high: float


def t_interval(values: Sequence[float], tail: float) -> ConfidenceInterval:
    """Return Student's t interval for the mean (Student, 1908).

    With fewer than two values the interval is infinite. Equal values give an interval of width 0
    (``low == high``): `count_beyond_chance` says from how many on that is sure.

    Args:
        values: One finite value per block, in the unit of the measure.
        tail: Probability left out on *each* side, in (0, 0.5).

    Returns:
        The interval at level ``1 - 2 * tail``, in the unit of ``values``.

    Raises:
        ValueError: If ``tail`` is out of range or a value is not finite.
    """
    if not 0 < tail < 0.5:
        raise ValueError(f"tail must lie between 0 and 0.5, not {tail}")
    if not all(map(math.isfinite, values)):
        raise ValueError("an interval needs finite values: a missing block is not a number")
    n = len(values)
    mean = statistics.fmean(values) if n else math.nan
    if n < 2:
        return ConfidenceInterval(mean, -math.inf, math.inf)
    # plain floats: `statistics` refuses values of two subclasses
    deviation = statistics.stdev([float(value) for value in values])
    half = critical_value(tail, n - 1) * deviation / math.sqrt(n)
    return ConfidenceInterval(mean, mean - half, mean + half)


def t_interval_of_logs(logs: Sequence[float], tail: float) -> ConfidenceInterval:
    """Return Student's t interval for the mean of logarithms, on the original scale.

    Args:
        logs: The natural logarithm of one value per block.
        tail: Probability left out on each side, in (0, 0.5).

    Returns:
        The geometric mean of the values and its interval, in their unit.

    Raises:
        ValueError: As for `t_interval`.
    """
    interval = t_interval(logs, tail)
    return ConfidenceInterval(_exp(interval.estimate), _exp(interval.low), _exp(interval.high))


def count_beyond_chance(tail: float, chance: float) -> int:
    """Return how many values must be equal to be so by more than chance (Dixon & Mood, 1946).

    Values that are known in steps, as counts and whole seconds are, may all be equal although
    others are to come. An interval of width 0 does not cover those. If a share `chance` of all
    values is equal to these, all of them are with probability ``chance ** n``.

    Args:
        tail: Probability that counts as rare enough, in (0, 0.5).
        chance: In [0, 1); 0 if equal values are never taken for chance.
    """
    return next(n for n in itertools.count(1) if chance**n <= tail)


def log_ratio(a: Sequence[float], b: Sequence[float]) -> list[float]:
    """Return the paired log ratios ``log(b_i / a_i)``, one per block.

    Args:
        a: The control's value in each block, > 0.
        b: The other arm's value in each block, > 0, in the same unit.

    Raises:
        ValueError: If the lengths differ or a value is not positive and finite.
    """
    if len(a) != len(b):
        raise ValueError(f"pairs need equal lengths, not {len(a)} and {len(b)}")
    if not all(0 < value < math.inf for value in (*a, *b)):
        raise ValueError("a log ratio needs positive, finite values")
    # A difference of logarithms: the quotient of two extreme values overflows.
    return [math.log(y) - math.log(x) for x, y in zip(a, b, strict=True)]


def logit(share: float) -> float:
    """Return the log odds of a share: the scale on which shares near 0 and 1 are averaged.

    Args:
        share: Strictly between 0 and 1.

    Raises:
        ValueError: If ``share`` is not strictly between 0 and 1, so that the odds are not finite.
    """
    if not 0 < share < 1:
        raise ValueError(f"a logit needs a share strictly between 0 and 1, not {share}")
    return math.log(share) - math.log1p(-share)


def expit(log_odds: float) -> float:
    """Return the share with these log odds: the inverse of `logit`, for any real number."""
    # Both branches keep the exponent negative, so that nothing overflows.
    if log_odds >= 0:
        return 1 / (1 + math.exp(-log_odds))
    odds = math.exp(log_odds)
    return odds / (1 + odds)


def _exp(log: float) -> float:
    return math.inf if log > 700 else math.exp(log)  # beyond this, math.exp raises
