"""The sweep of one arm over all blocks, as a report shows it: points, bounds, law."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lab.analysis.estimate import Estimate
from lab.analysis.sweep_capacity import as_estimate, estimate_of_sweeps, fall_over_blocks
from lab.analysis.sweep_curve import SweepCurve
from lab.stats.asymptotic_bounds import AsymptoticBounds
from lab.stats.confidence_interval import t_interval
from lab.stats.margins import SweepMargins
from lab.stats.missing_estimates import geometric_mean
from lab.stats.universal_scalability_law import ScalabilityLaw


@dataclass(frozen=True)
class SweepPoint:
    """One level of an arm's sweep over all blocks: geometric means, and the range over blocks.

    Attributes:
        level: As the hypothesis names it: users, or arrivals per second.
        users: In the system, including those that pause.
        throughput: Successful requests per second.
        low: Lowest throughput of a block.
        high: Highest throughput of a block.
        response: Mean latency, seconds.
    """

    level: float
    users: float
    throughput: float
    low: float
    high: float
    response: float


@dataclass(frozen=True)
class ScalabilityLawOverBlocks:
    """The parameters of the Universal Scalability Law over the blocks that it describes."""

    rate: Estimate
    sigma: Estimate
    kappa: Estimate

    def throughput(self, users: float) -> float:
        """Return the law's throughput for a number of users, requests per second."""
        n, sigma, kappa = users, self.sigma.estimate, self.kappa.estimate
        return self.rate.estimate * n / (1 + sigma * (n - 1) + kappa * n * (n - 1))


@dataclass(frozen=True)
class SweepSummary:
    """What the curves of one arm show together.

    Attributes:
        points: The mean curve, of the blocks that have one.
        bounds: Geometric means of the blocks' bounds; None under the same condition as `capacity`,
            and without a response time under the same condition as `knee`.
        capacity, knee, peak: As `estimate_of_sweeps` returns them.
        law: None if it describes less than three quarters of the blocks. A block that a
            saturating curve describes better does not count: its kappa would stand for a corner.
        law_blocks: Number of blocks that the law describes.
        blocks: Number of all blocks.
        without_curve: Number of blocks in which a level had no successful request.
        reach: The highest number of users at which every curve could have shown a peak.
        fall: As `fall_over_blocks` returns it.
        closed: Whether levels are users.
    """

    points: tuple[SweepPoint, ...]
    bounds: AsymptoticBounds | None
    capacity: Estimate | None
    knee: Estimate | None
    peak: Estimate | None
    law: ScalabilityLawOverBlocks | None
    law_blocks: int
    blocks: int
    without_curve: int
    reach: float
    fall: float
    closed: bool


def summarize_sweeps(
    curves: Sequence[SweepCurve | None], tail: float, margins: SweepMargins
) -> SweepSummary:
    """Return the summary of one arm's curves.

    Args:
        curves: One per block, all with the same levels; None if the block has none, not of all.
        tail: Probability left out on each side of an interval.
        margins: As for `estimate_of_sweeps`.
    """
    seen = [curve for curve in curves if curve is not None]
    laws = [curve.law for curve in seen if curve.law is not None and _describes(curve, curve.law)]
    return SweepSummary(
        points=tuple(_point(seen, place) for place in range(len(seen[0].levels))),
        bounds=_bounds(curves, tail, margins),
        capacity=estimate_of_sweeps(curves, "peak_throughput", tail, margins),
        knee=estimate_of_sweeps(curves, "knee", tail, margins),
        peak=estimate_of_sweeps(curves, "peak", tail, margins),
        law=_law(laws, len(curves), tail, margins),
        law_blocks=len(laws),
        blocks=len(curves),
        without_curve=len(curves) - len(seen),
        reach=min(curve.reach for curve in seen),
        fall=fall_over_blocks(seen),
        closed=seen[0].closed,
    )


def _describes(curve: SweepCurve, law: ScalabilityLaw) -> bool:
    """Whether the law's parameters have a meaning in this block."""
    if not law.fits:
        return False
    if law.peak is not None:
        return True
    # without kappa there is none that could stand for a corner
    is_best = not law.kappa or law.misfit < law.saturating_misfit
    return is_best and law.maximum > curve.reach


def _point(curves: Sequence[SweepCurve], place: int) -> SweepPoint:
    rates = [curve.throughput[place] for curve in curves]
    return SweepPoint(
        level=curves[0].levels[place],
        users=_geometric_mean([curve.users[place] for curve in curves]),
        throughput=_geometric_mean(rates),
        low=min(rates),
        high=max(rates),
        response=_geometric_mean([curve.response[place] for curve in curves]),
    )


def _bounds(
    curves: Sequence[SweepCurve | None], tail: float, margins: SweepMargins
) -> AsymptoticBounds | None:
    by_block = [None if curve is None else curve.bounds for curve in curves]
    capacities = [each.capacity if each else None for each in by_block]
    capacity = geometric_mean(capacities, tail, margins.max_missing)
    if capacity is None:
        return None
    shown = [each for each in by_block if each]
    think = math.fsum(each.think for each in shown) / len(shown)
    responses = [each.response if each else None for each in by_block]
    response = geometric_mean(responses, tail, margins.max_missing)
    return AsymptoticBounds(capacity.estimate, response.estimate if response else None, think)


def _law(
    laws: Sequence[ScalabilityLaw], blocks: int, tail: float, margins: SweepMargins
) -> ScalabilityLawOverBlocks | None:
    missing: list[float | None] = [None] * (blocks - len(laws))
    rates = [*(law.rate for law in laws), *missing]
    rate = as_estimate(geometric_mean(rates, tail, margins.max_missing))
    if rate is None:
        return None
    sigma = t_interval([law.sigma for law in laws], tail)
    kappa = t_interval([law.kappa for law in laws], tail)
    return ScalabilityLawOverBlocks(
        rate,
        Estimate(sigma.estimate, max(0.0, sigma.low), min(1.0, sigma.high)),
        Estimate(kappa.estimate, max(0.0, kappa.low), kappa.high),
    )


def _geometric_mean(values: Sequence[float]) -> float:
    return math.exp(math.fsum(map(math.log, values)) / len(values))
