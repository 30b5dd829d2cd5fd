"""The values of the arms in one block: what the intervals over blocks are computed from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from lab.analysis.sliced_values import paired_ratio
from lab.block_grouping import Block
from lab.decision_margins import DecisionMargins, MeasureMargins
from lab.hypothesis import Hypothesis, Prediction, Step
from lab.measure_values import measure
from lab.trial import BenchmarkEvidence, Trial

BlockValues = Mapping[str, float | None]  # by arm; None if there is no evidence

ValuesByArm = Mapping[str, Sequence[float]]  # one value per block


def block_values(
    hypothesis: Hypothesis, prediction: Prediction, block: Block, margins: DecisionMargins
) -> BlockValues:
    """Return the value of each arm of a prediction in one block.

    Args:
        hypothesis: Defines the measures and the sizes of a benchmark.
        prediction: Neither of a slope nor of a sweep.
        block: A complete one.
        margins: When a trial has a value, and what counts as constant time.

    Returns:
        In the unit of the measure; with several launches the mean, a geometric one if arms are
        compared. If the arms were measured in turn, the ratio of the two values is that of their
        slices, launch by launch.
    """
    values = unpaired_values(hypothesis, prediction, block, margins)
    if prediction.compare is None or prediction.count:
        return values
    right = Step(prediction.compare.right, prediction.at)
    left = Step(prediction.compare.left, prediction.at)
    paired = _relative(hypothesis, prediction, block, right, values[right.arm], left)
    return values if paired is None else {**values, left.arm: paired}


def unpaired_values(
    hypothesis: Hypothesis, prediction: Prediction, block: Block, margins: DecisionMargins
) -> BlockValues:
    """Return what `block_values` does, but of all slices of an arm together."""
    return {arm: _value(hypothesis, prediction, arm, block, margins) for arm in prediction.arms}


def values_over_blocks(prediction: Prediction, found: Sequence[BlockValues]) -> ValuesByArm | None:
    """Return the values of each arm over blocks, in order.

    Args:
        prediction: Whose values they are.
        found: `block_values` of each block.

    Returns:
        None if any value is missing or not finite, or is not above 0 although arms are compared.
    """
    over_blocks: dict[str, list[float]] = {}
    for arm in prediction.arms:
        values = [each[arm] for each in found]
        usable = [v for v in values if v is not None and math.isfinite(v)]
        if len(usable) < len(values) or (prediction.compare and min(usable, default=1) <= 0):
            return None
        over_blocks[arm] = usable
    return over_blocks


def _value(
    hypothesis: Hypothesis,
    prediction: Prediction,
    arm: str,
    block: Block,
    margins: DecisionMargins,
) -> float | None:
    if prediction.count:
        return _count(prediction, arm, block)
    if prediction.grows is None:
        return _measured(hypothesis, prediction, arm, block, margins.measures)
    # numpy: too heavy for predictions that need no fit
    from lab.analysis.benchmark_scaling import exponent_or_factor

    sizes = [level for level in hypothesis.levels if level is not None]
    found = [
        _measured(hypothesis, replace(prediction, at=size), arm, block, margins.measures)
        for size in sizes
    ]
    times = [time for time in found if time is not None and 0 < time < math.inf]
    if len(times) < len(sizes):
        return None
    smallest = Step(arm, sizes[0])
    for place, size in enumerate(sizes):
        paired = _relative(hypothesis, prediction, block, smallest, times[0], Step(arm, size))
        times[place] = times[place] if paired is None else paired
    return exponent_or_factor(prediction.grows, sizes, times, margins.growth)


def _relative(
    hypothesis: Hypothesis,
    prediction: Prediction,
    block: Block,
    reference: Step,
    value: float | None,
    step: Step,
) -> float | None:
    """The value of a step by its slices, paired with those of another; None without slices.

    Only processes of the same launch were alive at the same time; the launches of a block are
    averaged, on the log scale.
    """
    firsts, seconds = (_by_launch(block[each]) for each in (reference, step))
    unpaired = prediction.count or prediction.during is not None or len(firsts) != len(seconds)
    if value is None or unpaired:
        return None
    found = [
        paired_ratio(first, second, prediction.measure, hypothesis.measures)
        for first, second in zip(firsts, seconds, strict=True)
    ]
    ratios = [ratio for ratio in found if ratio is not None]
    return value * _geometric_mean(ratios) if len(ratios) == len(found) else None


def _by_launch(trials: Sequence[Trial]) -> Sequence[Trial]:
    return sorted(trials, key=lambda trial: trial.repeat)


def _count(prediction: Prediction, arm: str, block: Block) -> float | None:
    """Return the exact count; None if the trials of the block differ or lack it."""
    evidence = [trial.evidence for trial in block[Step(arm, prediction.at)]]
    counted = {
        each.counts.get(prediction.measure) if isinstance(each, BenchmarkEvidence) else None
        for each in evidence
    }
    exact = counted.pop()
    return None if counted or exact is None else float(exact)


def _measured(
    hypothesis: Hypothesis,
    prediction: Prediction,
    arm: str,
    block: Block,
    margins: MeasureMargins,
) -> float | None:
    """Return the mean over the launches in the block; geometric if arms are compared."""
    trials = block[Step(arm, prediction.at)]
    found = [
        measure(trial, prediction.measure, hypothesis.measures, prediction.during, margins=margins)
        for trial in trials
    ]
    values = [value for value in found if value is not None]
    if len(values) < len(found):
        return None
    if prediction.compare is None and not values[1:]:
        return values[0]  # as it is: it may be an `AtLeast`
    if prediction.compare is None:
        return math.fsum(values) / len(values)
    if min(values) <= 0:
        return None
    return _geometric_mean(values)


def _geometric_mean(values: Sequence[float]) -> float:
    return math.exp(math.fsum(map(math.log, values)) / len(values)) if values[1:] else values[0]
