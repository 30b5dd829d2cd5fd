"""How time grows with a benchmark's parameter, over blocks.

Two numbers of a block: the factor from the smallest size to the largest, and the exponent of the
fitted curve. Intervals are Student t over blocks, of the factor on the log scale.

Growth is *constant* where the factor stays within `FLAT`. It is contradicted beyond `STEEP` only:
in between lie steps of a cache, but also a logarithm under an overhead, which a bound of 1.5 alone
would take for constant. A margin much narrower than `FLAT` is out of reach of twelve blocks where
fresh processes of equal code differ by 10 to 15 %, as they do on a virtual machine with neighbours.
What is constant has no exponent: it is 0 where the factor's whole interval stays within `FLAT`, and
not known where a part of it does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from lab.analysis.comparison import level
from lab.analysis.estimate import Estimate
from lab.hypothesis import FLAT, STEEP, Bound, Grows
from lab.stats.growth import Curve, fit_curve
from lab.stats.intervals import t_interval


class Factor(Estimate):
    """Time at the largest size over time at the smallest, held against constant growth."""

    def misses(self, bound: Bound) -> bool:
        """Whether the whole interval lies beyond what could be called constant."""
        return self.low > STEEP


def curve(sizes: Sequence[float], times: Sequence[float]) -> Curve | None:
    """One block's curve; None where time does not grow, so that there is nothing to fit."""
    if times[-1] < FLAT * times[0]:
        return None
    fitted = fit_curve(sizes, times)
    return fitted if fitted.scale > 0 else None


def block_value(grows: Grows, sizes: Sequence[float], times: Sequence[float]) -> float:
    """What one block says of a growth: the factor, or the exponent (0 where nothing grows).

    Args:
        grows: What is predicted.
        sizes: The values of the parameter, in ascending order.
        times: The time of each, > 0, seconds.
    """
    if grows == "constant":
        return times[-1] / times[0]
    fitted = curve(sizes, times)
    return 0.0 if fitted is None else fitted.exponent


def growth(
    grows: Grows, values: Sequence[float], factors: Sequence[float], tail: float
) -> Estimate:
    """The block values of `block_value`, together.

    Args:
        grows: What is predicted.
        values: Its block values.
        factors: Those of constant growth.
        tail: Probability left out on each side.
    """
    logs = t_interval([math.log(factor) for factor in factors], tail)
    factor = Factor(_exp(logs.estimate), _exp(logs.low), _exp(logs.high))
    if grows == "constant":
        return factor
    if factor.high < FLAT:
        return Estimate(0.0, 0.0, 0.0)
    found = level(values, tail)
    return Estimate(found.estimate, 0.0, math.inf) if factor.low < FLAT else found


def _exp(value: float) -> float:
    return math.inf if value > 700 else math.exp(value)
