"""Capacity, knee and peak of a sweep, over blocks.

Each curve yields one value of a measure; intervals are Student's t over blocks, on the log scale.

That throughput does not fall within the sweep is an answer, not missing evidence. The peak then
lies beyond the reach of the sweep (its highest level over 1.5), if there is one. Such an answer
has no estimate but a lower bound, which meets `at_least` and misses `at_most` and `within`.
A block alone cannot tell a level plateau from a slow fall behind a corner; all blocks together
must show that throughput does not fall, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from lab.analysis.estimate import Estimate
from lab.analysis.sweep_curve import SweepCurve
from lab.stats.confidence_interval import ConfidenceInterval
from lab.stats.margins import SweepMargins
from lab.stats.missing_estimates import geometric_mean, shows_absence

SWEEP_MEASURES: Mapping[str, Callable[[SweepCurve], float | None]] = {
    "peak_throughput": lambda curve: curve.bounds.capacity if curve.bounds else None,
    "knee": lambda curve: curve.bounds.knee if curve.bounds else None,
    "peak": lambda curve: curve.peak,
}
"""By name, the value of a whole sweep in one block; None if the curve does not show it."""


def estimate_of_sweeps(
    curves: Sequence[SweepCurve | None], measure: str, tail: float, margins: SweepMargins
) -> Estimate | None:
    """Return a measure of one arm's sweeps.

    Args:
        curves: One per block; None if the block has none.
        measure: One of `SWEEP_MEASURES`.
        tail: Probability left out on each side.
        margins: How many blocks may lack it, and by how much throughput may fall without a peak.

    Returns:
        The geometric mean and its interval; None if more than a quarter of the blocks do not
        show it. For a peak that is ruled out: infinity, with the sweep's reach as lower bound. It
        is not ruled out, and the result is None, if throughput falls by more than `max_fall` over
        the blocks.
    """
    values = [None if curve is None else SWEEP_MEASURES[measure](curve) for curve in curves]
    reaches = [
        curve.reach
        for curve, value in zip(curves, values, strict=True)
        if curve and value == math.inf
    ]
    if shows_absence(len(reaches), len(values), tail, margins.max_missing):
        if fall_over_blocks([curve for curve in curves if curve]) > margins.max_fall:
            return None
        return Estimate(math.inf, min(reaches), math.inf)
    finite = [None if value == math.inf else value for value in values]
    return as_estimate(geometric_mean(finite, tail, margins.max_missing))


def fall_over_blocks(curves: Sequence[SweepCurve]) -> float:
    """Return by how much throughput at the highest level is below that of the best lower level.

    The best level is that of the geometric means over blocks: the highest value of each block
    would be chosen by its noise, and throughput would seem to fall on a level plateau.

    Args:
        curves: Those of the blocks that have one, at least one; all with the same levels, of which
            there are at least two.

    Returns:
        A share; below 0 if throughput is highest at the highest level.
    """
    by_level = zip(*(curve.throughput for curve in curves), strict=True)
    *lower, highest = (math.fsum(map(math.log, rates)) / len(rates) for rates in by_level)
    return -math.expm1(highest - max(lower))


def ratio_of_sweeps(
    numerators: Sequence[SweepCurve | None],
    denominators: Sequence[SweepCurve | None],
    measure: str,
    tail: float,
    margins: SweepMargins,
) -> Estimate | None:
    """Return a measure of one arm's sweeps over another's, paired by block.

    Args:
        numerators: One curve of an arm per block; None if the block has none.
        denominators: The other arm's curves in the same blocks.
        measure: One of `SWEEP_MEASURES`.
        tail: Probability left out on each side.
        margins: How many pairs may lack it.

    Returns:
        The geometric mean and its interval; None if more than a quarter of the pairs lack the
        measure, for instance because there is no peak.
    """
    pairs = [
        (SWEEP_MEASURES[measure](above), SWEEP_MEASURES[measure](below))
        if above and below
        else (None, None)
        for above, below in zip(numerators, denominators, strict=True)
    ]
    ratios = [
        a / b if a is not None and b is not None and max(a, b) < math.inf else None
        for a, b in pairs
    ]
    return as_estimate(geometric_mean(ratios, tail, margins.max_missing))


def as_estimate(interval: ConfidenceInterval | None) -> Estimate | None:
    """Return the interval as an estimate; None without one."""
    return Estimate.from_interval(interval) if interval else None
