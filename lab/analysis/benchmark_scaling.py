"""How a benchmark's time scales with its parameter, over blocks.

Each block gives two numbers: the factor from the smallest size to the largest, and the exponent
of the fitted power law. Intervals are Student's t over blocks, of the factor on the log scale.

Time is *constant* while the factor stays within `max_constant_factor`. It is contradicted only
beyond `min_growing_factor`. The steps of a cache lie in between, and so does a logarithm under an
overhead, which a bound of 1.5 alone would call constant. A margin much narrower than
`max_constant_factor` is out of reach of twelve blocks when fresh processes of equal code differ by
10 to 15 %, as they do on a virtual machine with neighbours. Constant time has no exponent: it is
reported as 0 if the whole interval of the factor stays within `max_constant_factor`, and as
unknown if only a part of it does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lab.analysis.arm_comparison import mean
from lab.analysis.estimate import Estimate
from lab.decision_margins import GrowthMargins
from lab.hypothesis import Bound, Complexity
from lab.stats.confidence_interval import t_interval_of_logs
from lab.stats.power_law import PowerLaw, fit_power_law


@dataclass(frozen=True)
class FactorEstimate(Estimate):
    """Time at the largest size over time at the smallest, compared with constant time.

    Attributes:
        min_growing_factor: Time that grows by more is not constant.
    """

    min_growing_factor: float

    def misses(self, bound: Bound) -> bool:
        """Return whether the whole interval lies beyond what could be called constant."""
        return self.low > self.min_growing_factor

    def gap(self, bound: Bound) -> float | None:
        """As of any estimate; None between the bound and what could be called constant."""
        assert bound.at_most is not None
        if bound.at_most <= self.estimate <= self.min_growing_factor:
            return None
        edges = bound.at_most, self.min_growing_factor
        return min(abs(self.estimate - edge) for edge in edges)


def fit_scaling(
    sizes: Sequence[float], times: Sequence[float], margins: GrowthMargins
) -> PowerLaw | None:
    """Return the power law of one block; None if time is constant, so that there is no fit.

    Args:
        sizes: The values of the parameter, in ascending order, at least four.
        times: The time at each size, > 0, seconds.
        margins: What counts as constant.
    """
    if times[-1] < margins.max_constant_factor * times[0]:
        return None
    fitted = fit_power_law(sizes, times)
    return fitted if fitted.scale > 0 else None


def exponent_or_factor(
    complexity: Complexity,
    sizes: Sequence[float],
    times: Sequence[float],
    margins: GrowthMargins,
) -> float:
    """Return one block's value: the factor for "constant", otherwise the exponent.

    Args:
        complexity: The predicted one.
        sizes: The values of the parameter, in ascending order, at least four.
        times: The time at each size, > 0, seconds.
        margins: What counts as constant.

    Returns:
        The factor from the smallest to the largest size, or the exponent; an exponent of 0 if
        time is constant.
    """
    if complexity == "constant":
        return times[-1] / times[0]
    fitted = fit_scaling(sizes, times, margins)
    return 0.0 if fitted is None else fitted.exponent


def estimate_complexity(
    complexity: Complexity,
    values: Sequence[float],
    factors: Sequence[float],
    tail: float,
    margins: GrowthMargins,
) -> Estimate:
    """Return the factor or the exponent over blocks.

    Args:
        complexity: The predicted one.
        values: `exponent_or_factor` of each block.
        factors: `exponent_or_factor` of each block for "constant".
        tail: Probability left out on each side, in (0, 0.5).
        margins: What counts as constant, and what does not.

    Returns:
        A `FactorEstimate` for "constant", otherwise the exponent: 0 if time is surely constant, of
        unknown interval if it may be constant.
    """
    logs = [math.log(factor) for factor in factors]
    found = t_interval_of_logs(logs, tail)
    factor = FactorEstimate(found.estimate, found.low, found.high, margins.min_growing_factor)
    if complexity == "constant":
        return factor
    largest = margins.max_constant_factor
    if factor.high < largest:
        return Estimate(0.0, 0.0, 0.0)
    exponent = mean(values, tail)
    return Estimate(exponent.estimate, 0.0, math.inf) if factor.low < largest else exponent
