"""How time grows with a benchmark's parameter, over blocks.

Two numbers of a block: the factor from the smallest size to the largest, and the exponent of the
fitted curve. Intervals are Student t over blocks, of the factor on the log scale.

Growth is *constant* while the factor stays within `MAX_CONSTANT_FACTOR`. It is contradicted only
beyond `MIN_GROWING_FACTOR`: in between lie the steps of a cache, but also a logarithm under an
overhead, which a bound of 1.5 alone would call constant. A margin much narrower than
`MAX_CONSTANT_FACTOR` is out of reach of twelve blocks when fresh processes of equal code differ by
10 to 15 %, as they do on a virtual machine with neighbours. Constant growth has no exponent: it is
reported as 0 when the whole interval of the factor stays within `MAX_CONSTANT_FACTOR`, and as
unknown when only a part of it does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from lab.analysis.comparison import level
from lab.analysis.estimate import Estimate
from lab.hypothesis import MAX_CONSTANT_FACTOR, MIN_GROWING_FACTOR, Bound, Complexity
from lab.stats.confidence_interval import t_interval_of_logs
from lab.stats.power_law import PowerLaw, fit_curve


class Factor(Estimate):
    """Time at the largest size over time at the smallest, held against constant growth."""

    def misses(self, bound: Bound) -> bool:
        """Whether the whole interval lies beyond what could be called constant."""
        return self.low > MIN_GROWING_FACTOR


def curve(sizes: Sequence[float], times: Sequence[float]) -> PowerLaw | None:
    """One block's curve; None where time does not grow, so that there is nothing to fit."""
    if times[-1] < MAX_CONSTANT_FACTOR * times[0]:
        return None
    fitted = fit_curve(sizes, times)
    return fitted if fitted.scale > 0 else None


def block_value(grows: Complexity, sizes: Sequence[float], times: Sequence[float]) -> float:
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
    grows: Complexity, values: Sequence[float], factors: Sequence[float], tail: float
) -> Estimate:
    """The block values of `block_value`, together.

    Args:
        grows: What is predicted.
        values: Its block values.
        factors: Those of constant growth.
        tail: Probability left out on each side.
    """
    interval = t_interval_of_logs([math.log(factor) for factor in factors], tail)
    factor = Factor(interval.estimate, interval.low, interval.high)
    if grows == "constant":
        return factor
    if factor.high < MAX_CONSTANT_FACTOR:
        return Estimate(0.0, 0.0, 0.0)
    found = level(values, tail)
    return Estimate(found.estimate, 0.0, math.inf) if factor.low < MAX_CONSTANT_FACTOR else found
