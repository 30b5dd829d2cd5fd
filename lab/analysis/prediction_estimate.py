"""The estimate of a prediction: selects the analysis that its measure needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from lab.analysis.block_values import Block, block_values
from lab.analysis.comparison import mean, mean_share, ratio
from lab.analysis.estimate import Estimate
from lab.hypothesis import Hypothesis, LoadTest, Prediction, Sweep, parse_measure
from lab.measure_table import Scope
from lab.measures import AtLeast


def estimate_prediction(
    hypothesis: Hypothesis, prediction: Prediction, blocks: Sequence[Block], tail: float
) -> Estimate | None:
    """Return what the blocks show of a prediction.

    Args:
        hypothesis: Defines the measures, the load and the sizes of a benchmark.
        prediction: Of the claim or of a rival.
        blocks: Complete ones, in order.
        tail: Probability left out on each side of the interval.

    Returns:
        The estimate with its interval, in the unit of the bound; None without evidence.
    """
    # analyses that import numpy are imported when they are needed: most predictions need none
    if prediction.slope is not None:
        from lab.analysis.soak_slope import estimate_slope

        return estimate_slope(prediction.slope, prediction.arms, blocks, tail)
    if parse_measure(prediction.measure).scope is Scope.SWEEP:
        return _of_sweep(hypothesis, prediction, blocks, tail)
    if prediction.grows is not None:
        return _of_complexity(hypothesis, prediction, blocks, tail)
    values = block_values(hypothesis, prediction, blocks)
    if values is None:
        return None
    if prediction.compare is not None:
        return ratio(values[prediction.compare.left], values[prediction.compare.right], tail)
    assert prediction.arm is not None
    return _of_arm(hypothesis, prediction, values[prediction.arm], tail)


def _of_arm(
    hypothesis: Hypothesis, prediction: Prediction, values: Sequence[float], tail: float
) -> Estimate:
    if prediction.count:
        return Estimate(values[0], min(values), max(values))
    may_be_share = (
        prediction.measure in hypothesis.measures or parse_measure(prediction.measure).is_share
    )
    if may_be_share and all(0 <= value <= 1 for value in values):
        return mean_share(values, tail)
    found = mean(values, tail)
    if any(isinstance(value, AtLeast) for value in values):
        return replace(found, high=math.inf)  # the mean has no known upper end
    return found


def _of_complexity(
    hypothesis: Hypothesis, prediction: Prediction, blocks: Sequence[Block], tail: float
) -> Estimate | None:
    from lab.analysis.complexity import estimate_complexity

    assert prediction.grows is not None
    assert prediction.arm is not None
    values = block_values(hypothesis, prediction, blocks)
    if values is None:
        return None
    factors = block_values(hypothesis, replace(prediction, grows="constant"), blocks)
    assert factors is not None
    arm = prediction.arm
    return estimate_complexity(prediction.grows, values[arm], factors[arm], tail)


def _of_sweep(
    hypothesis: Hypothesis, prediction: Prediction, blocks: Sequence[Block], tail: float
) -> Estimate | None:
    from lab.analysis.sweep_capacity import estimate_of_sweeps, ratio_of_sweeps
    from lab.analysis.sweep_curve import sweep_curves

    assert isinstance(hypothesis.kind, LoadTest)
    assert isinstance(hypothesis.kind.load, Sweep)
    closed = hypothesis.kind.load.axis == "users"
    first, *second = (sweep_curves(arm, blocks, closed=closed) for arm in prediction.arms)
    if second:
        return ratio_of_sweeps(first, second[0], prediction.measure, tail)
    return estimate_of_sweeps(first, prediction.measure, tail)
