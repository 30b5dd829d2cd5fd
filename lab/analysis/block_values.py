"""A block and a prediction become a number per arm."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from lab.analysis.comparison import level, ratio, share
from lab.analysis.estimate import Estimate
from lab.hypothesis import Hypothesis, Prediction, Step, Sweep, parse_measure
from lab.measures import AtLeast, measure
from lab.trial import Trial

Block = Mapping[Step, tuple[Trial, ...]]  # the trusted trials of each step

Columns = Mapping[str, Sequence[float]]  # arm -> a value per block


def columns(
    hypothesis: Hypothesis, prediction: Prediction, blocks: Sequence[Block]
) -> Columns | None:
    """Block values of each arm that the prediction speaks of; None where one is missing."""
    found: dict[str, list[float]] = {}
    for arm in prediction.arms:
        column = [_of_block(hypothesis, prediction, arm, block) for block in blocks]
        usable = [v for v in column if v is not None and math.isfinite(v)]
        if len(usable) < len(column) or (prediction.compare and min(usable, default=1) <= 0):
            return None
        found[arm] = usable
    return found


def _of_block(
    hypothesis: Hypothesis, prediction: Prediction, arm: str, block: Block
) -> float | None:
    """What one block says of one arm."""
    if prediction.count:
        counted = {
            trial.counts.get(prediction.measure) for trial in block[Step(arm, prediction.at)]
        }
        exact = counted.pop()
        return None if counted or exact is None else float(exact)
    if prediction.grows is None:
        return _value(hypothesis, prediction, arm, block)
    from lab.analysis.complexity import block_value  # numpy: too heavy for what does not grow

    sizes = [level for level in hypothesis.levels if level is not None]
    found = [_value(hypothesis, replace(prediction, at=size), arm, block) for size in sizes]
    times = [time for time in found if time is not None and 0 < time < math.inf]
    return None if len(times) < len(sizes) else block_value(prediction.grows, sizes, times)


def _value(hypothesis: Hypothesis, prediction: Prediction, arm: str, block: Block) -> float | None:
    """One arm's value in one block: over repeats the mean, of logarithms where ratios are taken."""
    trials = block[Step(arm, prediction.at)]
    found = [
        measure(trial, prediction.measure, hypothesis.measures, prediction.during)
        for trial in trials
    ]
    values = [value for value in found if value is not None]
    if len(values) < len(found):
        return None
    if prediction.compare is None and not values[1:]:
        return values[0]
    if prediction.compare is None:
        return math.fsum(values) / len(values)
    if min(values) <= 0:
        return None
    return math.exp(math.fsum(map(math.log, values)) / len(values)) if values[1:] else values[0]


def estimate(
    hypothesis: Hypothesis, prediction: Prediction, blocks: Sequence[Block], tail: float
) -> Estimate | None:
    """What the blocks say of a prediction, with its interval at this tail; None for nothing."""
    if prediction.slope is not None:
        from lab.analysis import soak_slope

        return soak_slope.growth(prediction, blocks, tail)
    if parse_measure(prediction.measure).of_sweep:
        return _of_sweep(hypothesis, prediction, blocks, tail)
    values = columns(hypothesis, prediction, blocks)
    if values is None:
        return None
    if prediction.compare is not None:
        return ratio(
            values[prediction.compare.numerator], values[prediction.compare.denominator], tail
        )
    assert prediction.arm is not None
    column = values[prediction.arm]
    if prediction.grows is not None:
        from lab.analysis.complexity import growth

        factors = columns(hypothesis, replace(prediction, grows="constant"), blocks)
        assert factors is not None
        return growth(prediction.grows, column, factors[prediction.arm], tail)
    if prediction.count:
        return Estimate(column[0], min(column), max(column))
    may_be_share = (
        prediction.measure in hypothesis.measures or parse_measure(prediction.measure).is_share
    )
    if may_be_share and all(0 <= value <= 1 for value in column):
        return share(column, tail)
    found = level(column, tail)
    if any(isinstance(value, AtLeast) for value in column):
        return replace(found, high=math.inf)  # the mean has no known upper end
    return found


def _of_sweep(
    hypothesis: Hypothesis, prediction: Prediction, blocks: Sequence[Block], tail: float
) -> Estimate | None:
    # numpy: too heavy for what has no sweep
    from lab.analysis import load_sweep

    assert isinstance(hypothesis.load, Sweep)
    closed = hypothesis.load.axis == "users"
    first, *second = (load_sweep.curves(arm, blocks, closed=closed) for arm in prediction.arms)
    if second:
        return load_sweep.ratio(first, second[0], prediction.measure, tail)
    return load_sweep.level(first, prediction.measure, tail)
