"""The values of the arms in one block: what the intervals over blocks are computed from."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from lab.analysis.sliced_values import paired_ratio
from lab.decision_margins import DecisionMargins, MeasureMargins
from lab.hypothesis import Benchmark, Hypothesis, Prediction, Step
from lab.trials.block_grouping import Block
from lab.trials.measure_values import measure
from lab.trials.trial import BenchmarkEvidence, Trial

BlockValues = Mapping[str, float | None]  # by arm; None if there is no evidence

ValuesByArm = Mapping[str, Sequence[float]]  # one value per block

_OverLaunches = Callable[[Sequence[float]], float]


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
        slices, launch by launch: the median over the launches.
    """
    return _compared(hypothesis, prediction, block, margins, statistics.median)


def values_together(
    hypothesis: Hypothesis, prediction: Prediction, block: Block, margins: DecisionMargins
) -> BlockValues:
    """Return what `block_values` does, but so that each slice of a load, or each launch, counts.

    A median does not see what happens in less than half of them.
    """
    if isinstance(hypothesis.kind, Benchmark):
        return _compared(hypothesis, prediction, block, margins, statistics.fmean)
    return _unpaired(hypothesis, prediction, block, margins)


def _compared(
    hypothesis: Hypothesis,
    prediction: Prediction,
    block: Block,
    margins: DecisionMargins,
    over_launches: _OverLaunches,
) -> BlockValues:
    """The value of each arm, paired by slices if there are any."""
    values = _unpaired(hypothesis, prediction, block, margins)
    if prediction.compare is None or prediction.count:
        return values
    right = Step(prediction.compare.right, prediction.at)
    left = Step(prediction.compare.left, prediction.at)
    relative = _relative(hypothesis, prediction, block, right, left, over_launches)
    value = values[right.arm]
    return values if relative is None or value is None else {**values, left.arm: value * relative}


def _unpaired(
    hypothesis: Hypothesis, prediction: Prediction, block: Block, margins: DecisionMargins
) -> BlockValues:
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
        step = Step(arm, size)
        relative = _relative(hypothesis, prediction, block, smallest, step, statistics.fmean)
        times[place] = times[place] if relative is None else times[0] * relative
    return exponent_or_factor(prediction.grows, sizes, times, margins.growth)


def _relative(
    hypothesis: Hypothesis,
    prediction: Prediction,
    block: Block,
    reference: Step,
    step: Step,
    over_launches: _OverLaunches,
) -> float | None:
    """How large a step is relative to another, by pairs of slices; None without slices.

    Only processes of the same launch were alive at the same time.

    Args:
        hypothesis: Defines the measures.
        prediction: Whose measure it is.
        block: Has the trials.
        reference: The step that the other is compared with.
        step: The other.
        over_launches: Makes one log ratio of those of all launches.
    """
    firsts, seconds = (_by_launch(block[each]) for each in (reference, step))
    if prediction.count or prediction.during is not None or len(firsts) != len(seconds):
        return None
    found = [
        paired_ratio(first, second, prediction.measure, hypothesis.measures)
        for first, second in zip(firsts, seconds, strict=True)
    ]
    ratios = [ratio for ratio in found if ratio is not None]
    if len(ratios) < len(found):
        return None
    return math.exp(over_launches([math.log(each) for each in ratios])) if ratios[1:] else ratios[0]


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
