"""The estimate of a prediction: selects the analysis that its measure needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from lab.analysis.arm_comparison import mean, mean_share, ratio, ratio_of_slices
from lab.analysis.block_values import (
    BlockValues,
    block_values,
    values_over_blocks,
    values_together,
)
from lab.analysis.estimate import Estimate, LimitedEstimate
from lab.decision_margins import DecisionMargins, MeasureMargins
from lab.hypothesis import (
    Comparison,
    Hypothesis,
    LoadTest,
    MetricRate,
    MetricRatio,
    Prediction,
    SoakTest,
    Sweep,
    parse_measure,
)
from lab.hypothesis.validation.units import is_share
from lab.measures.table import Scope
from lab.stats.binomial_interval import binomial_interval
from lab.stats.margins import SlopeMargins, SweepMargins
from lab.trials.block_grouping import Block
from lab.trials.measure_values import AtLeast, Between, CountedShare

if TYPE_CHECKING:
    from lab.analysis.soak_binning import BinnedSeries
    from lab.analysis.sweep_curve import SweepCurve

Value = TypeVar("Value")
_NOTHING, _UNLIMITED = (Estimate(each, each, each) for each in (0.0, math.inf))


class PredictionEstimator:
    """Estimates one prediction after each block of a run.

    What a block contributes is computed once, so that a further look costs no more than its
    interval.
    """

    def __init__(
        self,
        hypothesis: Hypothesis,
        prediction: Prediction,
        blocks: Sequence[Block],
        margins: DecisionMargins,
    ) -> None:
        """Take what estimates are made of.

        Args:
            hypothesis: Defines the measures, the load and the sizes of a benchmark.
            prediction: Of the claim or of a rival.
            blocks: Complete ones, in order.
            margins: Of the plan.
        """
        self._analysis = _analysis(hypothesis, prediction, margins)
        self._blocks = blocks
        self._values: list[Any] = []
        self._estimates: dict[tuple[int, float], Estimate | None] = {}

    def estimate(self, count: int, tail: float) -> Estimate | None:
        """Return what the first blocks show, and they alone.

        Args:
            count: How many blocks.
            tail: Probability left out on each side of the interval.

        Returns:
            The estimate with its interval, in the unit of the bound; None without evidence.
        """
        for block in self._blocks[len(self._values) : count]:
            self._values.append(self._analysis.of_block(block))
        if (count, tail) not in self._estimates:
            values = self._values[:count]
            self._estimates[count, tail] = self._analysis.over_blocks(values, tail)
        return self._estimates[count, tail]


@dataclass(frozen=True)
class _Analysis(Generic[Value]):
    """How blocks become an estimate: first one by one, then together."""

    of_block: Callable[[Block], Value]
    over_blocks: Callable[[Sequence[Value], float], Estimate | None]


def _analysis(
    hypothesis: Hypothesis, prediction: Prediction, margins: DecisionMargins
) -> _Analysis[Any]:
    if prediction.slope is not None:
        return _slope_analysis(prediction.slope, prediction.arms, margins.slope)
    if parse_measure(prediction.measure).scope is Scope.SWEEP:
        return _sweep_analysis(hypothesis, prediction, margins.sweep)
    if prediction.grows is not None:
        return _complexity_analysis(hypothesis, prediction, margins)
    if prediction.compare is not None:
        return _comparison(hypothesis, prediction, prediction.compare, margins)
    return _value_analysis(hypothesis, prediction, margins)


# Analyses that import numpy are imported when they are needed: most predictions need none.


def _slope_analysis(
    series: str, arms: Sequence[str], margins: SlopeMargins
) -> _Analysis[BinnedSeries | None]:
    from lab.analysis.soak_binning import bin_block
    from lab.analysis.soak_slope import slope_over_blocks

    return _Analysis(lambda block: bin_block(block, series, arms, margins), slope_over_blocks)


def _sweep_analysis(
    hypothesis: Hypothesis, prediction: Prediction, margins: SweepMargins
) -> _Analysis[tuple[SweepCurve | None, ...]]:
    from lab.analysis.sweep_capacity import estimate_of_sweeps, ratio_of_sweeps
    from lab.analysis.sweep_curve import sweep_curve

    kind, measure = hypothesis.kind, prediction.measure
    assert isinstance(kind, LoadTest)
    assert isinstance(kind.load, Sweep)
    closed = kind.load.axis == "users"

    def of_block(block: Block) -> tuple[SweepCurve | None, ...]:
        return tuple(sweep_curve(arm, block, margins, closed=closed) for arm in prediction.arms)

    def over_blocks(
        curves: Sequence[tuple[SweepCurve | None, ...]], tail: float
    ) -> Estimate | None:
        first, *second = ([each[place] for each in curves] for place in range(len(prediction.arms)))
        if second:
            return ratio_of_sweeps(first, second[0], measure, tail, margins)
        return estimate_of_sweeps(first, measure, tail, margins)

    return _Analysis(of_block, over_blocks)


def _complexity_analysis(
    hypothesis: Hypothesis, prediction: Prediction, margins: DecisionMargins
) -> _Analysis[tuple[BlockValues, BlockValues]]:
    from lab.analysis.benchmark_scaling import estimate_complexity

    constant = replace(prediction, grows="constant")

    def of_block(block: Block) -> tuple[BlockValues, BlockValues]:
        return (
            block_values(hypothesis, prediction, block, margins),
            block_values(hypothesis, constant, block, margins),
        )

    def over_blocks(
        found: Sequence[tuple[BlockValues, BlockValues]], tail: float
    ) -> Estimate | None:
        assert prediction.grows is not None
        assert prediction.arm is not None
        values = values_over_blocks(prediction, [value for value, _ in found])
        factors = values_over_blocks(prediction, [factor for _, factor in found])
        if values is None or factors is None:
            return None
        arm = prediction.arm
        return estimate_complexity(
            prediction.grows, values[arm], factors[arm], tail, margins.growth
        )

    return _Analysis(of_block, over_blocks)


def _comparison(
    hypothesis: Hypothesis, prediction: Prediction, compare: Comparison, margins: DecisionMargins
) -> _Analysis[tuple[BlockValues, BlockValues]]:
    chance = _chance_of_equal(hypothesis, margins)

    def of_block(block: Block) -> tuple[BlockValues, BlockValues]:
        return (
            block_values(hypothesis, prediction, block, margins),
            values_together(hypothesis, prediction, block, margins),
        )

    def over_blocks(
        found: Sequence[tuple[BlockValues, BlockValues]], tail: float
    ) -> Estimate | None:
        pairs = values_over_blocks(prediction, [each for each, _ in found])
        together = values_over_blocks(prediction, [each for _, each in found])
        if pairs is None or together is None:
            return None
        of_pairs = _ratio(pairs[compare.left], pairs[compare.right], tail, chance)
        if pairs == together:
            return of_pairs  # whole windows, two launches, or what a slice is too short for
        return ratio_of_slices(
            of_pairs, ratio(together[compare.left], together[compare.right], tail, chance)
        )

    return _Analysis(of_block, over_blocks)


def _value_analysis(
    hypothesis: Hypothesis, prediction: Prediction, margins: DecisionMargins
) -> _Analysis[BlockValues]:
    def over_blocks(found: Sequence[BlockValues], tail: float) -> Estimate | None:
        values = values_over_blocks(prediction, found)
        if values is None:
            return None
        assert prediction.arm is not None
        return _estimate_of_arm(hypothesis, prediction, values[prediction.arm], tail, margins)

    return _Analysis(
        lambda block: block_values(hypothesis, prediction, block, margins), over_blocks
    )


def _estimate_of_arm(
    hypothesis: Hypothesis,
    prediction: Prediction,
    values: Sequence[float],
    tail: float,
    margins: DecisionMargins,
) -> Estimate:
    if prediction.count:
        return Estimate(values[0], min(values), max(values))
    chance = _chance_of_equal(hypothesis, margins)
    within = all(0 <= value <= 1 for value in values)
    if within and _is_share(hypothesis, prediction, margins.measures.share_bound):
        return _share(values, tail, chance, margins.measures)
    found = mean(values, tail, chance)
    if any(isinstance(value, AtLeast) for value in values):
        return replace(found, high=math.inf)  # the mean has no known upper end
    lows, highs = _limits(values)
    highest = _UNLIMITED if math.inf in highs else mean(highs, tail, chance)
    return _widened(found, mean(lows, tail, chance), highest)


def _chance_of_equal(hypothesis: Hypothesis, margins: DecisionMargins) -> float:
    """Share of the values that blocks may be equal to by chance; 0 if they are taken as they are.

    A soak decides once, of four blocks by default, which would never be enough.
    """
    return 0.0 if isinstance(hypothesis.kind, SoakTest) else margins.measures.equal_values


def _share(
    values: Sequence[float], tail: float, chance: float, margins: MeasureMargins
) -> Estimate:
    """The mean of shares; of counted events, the interval contains that of all events together."""
    counted = [value for value in values if isinstance(value, CountedShare)]
    if len(counted) < len(values) or not margins.counted_tail:
        return mean_share(values, tail, chance)

    def of_counts(pairs: Sequence[tuple[int, int]]) -> Estimate:
        found = mean_share([part / whole for part, whole in pairs], tail)
        part, whole = (sum(counts) for counts in zip(*pairs, strict=True))
        exact = binomial_interval(part, whole, margins.counted_tail * tail)
        return replace(found, low=min(found.low, exact.low), high=max(found.high, exact.high))

    found = of_counts([(each.part, each.whole) for each in counted])
    if not any(each.unknown for each in counted):
        return found
    least = of_counts([(each.part, each.whole + each.unknown) for each in counted])
    most = of_counts([(each.part + each.unknown, each.whole + each.unknown) for each in counted])
    # of shares of which some are 0 or 1 the scale differs, so that any may be the widest
    parts = (found, least, most)
    low, high = min(each.low for each in parts), max(each.high for each in parts)
    middles = sorted(each.estimate for each in parts)
    return LimitedEstimate(found.estimate, low, high, (middles[0], middles[-1]))


def _is_share(hypothesis: Hypothesis, prediction: Prediction, least_bound: float) -> bool:
    definition = hypothesis.measures.get(prediction.measure)
    if definition is not None and not least_bound:  # as runs were judged before it was a margin
        return isinstance(definition, MetricRatio | MetricRate)
    return is_share(prediction, hypothesis.measures, least_bound)


def _ratio(
    numerators: Sequence[float], denominators: Sequence[float], tail: float, chance: float
) -> Estimate:
    """The ratio of two arms; of values that are `Between` limits it may be any that these allow."""
    (least, most), (low, high) = _limits(numerators), _limits(denominators)
    has_lowest = min(least) > 0 and math.inf not in high
    has_highest = min(low) > 0 and math.inf not in most
    lowest = ratio(least, high, tail, chance) if has_lowest else _NOTHING
    highest = ratio(most, low, tail, chance) if has_highest else _UNLIMITED
    return _widened(ratio(numerators, denominators, tail, chance), lowest, highest)


def _limits(values: Sequence[float]) -> tuple[list[float], list[float]]:
    """The least and the most that each value can be."""
    known = [(v.low, v.high) if isinstance(v, Between | CountedShare) else (v, v) for v in values]
    return [low for low, _ in known], [high for _, high in known]


def _widened(found: Estimate, lowest: Estimate, highest: Estimate) -> Estimate:
    """The interval that contains those of the least and of the most that values can be."""
    if lowest == highest:
        return found
    until = [each.equal_until for each in (lowest, highest) if each.equal_until is not None]
    return LimitedEstimate(
        found.estimate,
        lowest.low,
        highest.high,
        (lowest.estimate, highest.estimate),
        equal_until=max(until, default=None),
    )
