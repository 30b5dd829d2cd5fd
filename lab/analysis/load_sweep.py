"""Sweeps: trials at several levels of load become a curve, and curves a capacity, knee and peak.

A block holds a trial of each level, hence one curve for each arm; each yields one value, and the
statistics run over blocks, on the log scale. Knee and capacity come from the asymptotic bounds
(Denning & Buzen, 1978), the peak from the Universal Scalability Law (Gunther, 2007).

That throughput does not fall within the sweep is an answer, not missing evidence: the peak then
lies beyond the sweep's reach (its highest level over 1.5), if anywhere. Such an answer has no
estimate, but a lower bound, which meets `at_least` and misses `at_most` and `within`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from lab.analysis.estimate import Estimate
from lab.hypothesis import Step
from lab.measures import measure, total
from lab.stats.asymptotic_bounds import AsymptoticBounds, measure_bounds, measure_think
from lab.stats.confidence_interval import ConfidenceInterval, t_interval
from lab.stats.missing_estimates import geometric_mean, shows_absence
from lab.stats.sweep_levels import reach
from lab.stats.universal_scalability_law import ScalabilityLaw, fit_law
from lab.trial import LoadEvidence, Trial

KEEPS_UP = 0.95
"""A service that ends this share of what is due within a window is not saturated."""


@dataclass(frozen=True)
class SweepCurve:
    """One arm's sweep in one block, from the lowest level to the highest.

    Attributes:
        levels: As the hypothesis names them: users, or arrivals a second.
        users: In the system at each level, those that pause included. Under open arrivals the
            mean number of requests in flight, X * R (Little, 1961).
        throughput: Successful requests a second.
        response: Mean latency, seconds.
        closed: Whether the levels are users, who may pause between two requests.
        keeps_up: Whether what arrives at the highest rate is done: a throughput that is the rate
            itself is no plateau. Users never ask for more than they get.
    """

    levels: tuple[float, ...]
    users: tuple[float, ...]
    throughput: tuple[float, ...]
    response: tuple[float, ...]
    closed: bool
    keeps_up: bool = False

    @classmethod
    def of(cls, trials: Mapping[float, Trial], *, closed: bool) -> SweepCurve | None:
        """The curve of one trial for each level; None where a level had no successful request."""
        levels = tuple(sorted(trials))
        rates = [measure(trials[level], "throughput", {}) for level in levels]
        means = [measure(trials[level], "latency_mean", {}) for level in levels]
        throughput = tuple(rate for rate in rates if rate)
        response = tuple(mean for mean in means if mean)
        if not len(throughput) == len(response) == len(levels):
            return None
        in_flight = tuple(x * r for x, r in zip(throughput, response, strict=True))
        users = levels if closed else in_flight
        return cls(levels, users, throughput, response, closed, _keeps_up(trials[levels[-1]]))

    @property
    def reach(self) -> float:
        """Up to how many users it could show a peak."""
        return reach(self.users)

    @property
    def bounds(self) -> AsymptoticBounds | None:
        """Capacity, time without queueing and pause; None where it did not saturate."""
        if self.keeps_up:
            return None
        points = (self.users, self.throughput, self.response)
        think = measure_think(*points) if self.closed else 0.0
        return measure_bounds(*points, think)

    @property
    def law(self) -> ScalabilityLaw | None:
        """The Universal Scalability Law, fitted."""
        return _fitted(self.users, self.throughput)

    @property
    def peak(self) -> float | None:
        """Users at the peak; infinite for "no peak in this range"; None where it tells neither."""
        if self.law is None:
            return None
        if self.law.peak is not None:
            return self.law.peak.users
        return math.inf if self.law.rises else None


def curves(
    arm: str, blocks: Sequence[Mapping[Step, tuple[Trial, ...]]], *, closed: bool
) -> list[SweepCurve | None]:
    """An arm's curve in each block."""
    return [
        SweepCurve.of(
            {
                step.level: trial
                for step, (trial,) in block.items()
                if step.arm == arm and step.level is not None
            },
            closed=closed,
        )
        for block in blocks
    ]


MEASURES: Mapping[str, Callable[[SweepCurve], float | None]] = {
    "peak_throughput": lambda curve: curve.bounds.capacity if curve.bounds else None,
    "knee": lambda curve: curve.bounds.knee if curve.bounds else None,
    "peak": lambda curve: curve.peak,
}
"""What a whole sweep yields in one block, where it tells."""


def level(curves: Sequence[SweepCurve | None], name: str, tail: float) -> Estimate | None:
    """A measure of one arm's sweeps.

    Args:
        curves: One per block; None where the block has none.
        name: One of `MEASURES`.
        tail: Probability left out on each side.

    Returns:
        The geometric mean and its interval; None where more than a quarter of the blocks do not
        tell. Of a peak that is ruled out: infinity, bounded below by the sweep's reach.
    """
    values = [None if curve is None else MEASURES[name](curve) for curve in curves]
    reaches = [
        curve.reach
        for curve, value in zip(curves, values, strict=True)
        if curve and value == math.inf
    ]
    if shows_absence(len(reaches), len(values), tail):
        return Estimate(math.inf, min(reaches), math.inf)
    told = [None if value == math.inf else value for value in values]
    return _estimate(geometric_mean(told, tail))


def ratio(
    numerators: Sequence[SweepCurve | None],
    denominators: Sequence[SweepCurve | None],
    name: str,
    tail: float,
) -> Estimate | None:
    """A measure of one arm's sweeps over another's, paired by block.

    None where more than a quarter of the pairs do not tell, be it that there is no peak.
    """
    pairs = [
        (MEASURES[name](above), MEASURES[name](below)) if above and below else (None, None)
        for above, below in zip(numerators, denominators, strict=True)
    ]
    ratios = [
        a / b if a is not None and b is not None and max(a, b) < math.inf else None
        for a, b in pairs
    ]
    return _estimate(geometric_mean(ratios, tail))


@dataclass(frozen=True)
class SweepPoint:
    """One level of an arm's sweep over all blocks: geometric means, and the range of blocks."""

    level: float
    users: float
    throughput: float
    low: float
    high: float
    response: float


@dataclass(frozen=True)
class ScalabilityLawOverBlocks:
    """The Universal Scalability Law's parameters over the blocks that it describes."""

    rate: Estimate
    sigma: Estimate
    kappa: Estimate

    def throughput(self, users: float) -> float:
        """At so many users, with the estimates."""
        n, sigma, kappa = users, self.sigma.estimate, self.kappa.estimate
        return self.rate.estimate * n / (1 + sigma * (n - 1) + kappa * n * (n - 1))


@dataclass(frozen=True)
class SweepSummary:
    """What the curves of one arm show together.

    Attributes:
        points: The mean curve.
        bounds: Geometric means of the blocks' bounds; None as for `knee`.
        capacity, knee, peak: As `level` tells them.
        law: None where it describes less than three quarters of the blocks; its kappa would stand
            for a corner where a saturating curve describes them better.
        law_blocks: How many it describes.
        blocks: Of how many.
        reach: Up to how many users a peak would have been seen.
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
    reach: float
    closed: bool


def summary(curves: Sequence[SweepCurve], tail: float) -> SweepSummary:
    """Bring the curves of one arm together, one per block and at least one."""
    laws = [curve.law for curve in curves if curve.law is not None and _told(curve, curve.law)]
    return SweepSummary(
        points=tuple(_point(curves, place) for place in range(len(curves[0].levels))),
        bounds=_bounds(curves, tail),
        capacity=level(curves, "peak_throughput", tail),
        knee=level(curves, "knee", tail),
        peak=level(curves, "peak", tail),
        law=_law(laws, len(curves), tail),
        law_blocks=len(laws),
        blocks=len(curves),
        reach=min(curve.reach for curve in curves),
        closed=curves[0].closed,
    )


def _keeps_up(trial: Trial) -> bool:
    """Whether the successes of an open load's window are as many as was due in it."""
    seen = trial.evidence.dispatch if isinstance(trial.evidence, LoadEvidence) else None
    if seen is None or not seen.sent:
        return False
    requests = total(trial)
    due = seen.scheduled * requests.count / seen.sent  # an arrival may take several
    return requests.ended.count - requests.ended.errors >= KEEPS_UP * due


@lru_cache(maxsize=256)  # every look fits the same blocks again
def _fitted(users: tuple[float, ...], throughput: tuple[float, ...]) -> ScalabilityLaw | None:
    return fit_law(users, throughput)


def _told(curve: SweepCurve, law: ScalabilityLaw) -> bool:
    return law.fits and (law.peak is not None or law.maximum > curve.reach)


def _point(curves: Sequence[SweepCurve], place: int) -> SweepPoint:
    rates = [curve.throughput[place] for curve in curves]
    return SweepPoint(
        level=curves[0].levels[place],
        users=_mean([curve.users[place] for curve in curves]),
        throughput=_mean(rates),
        low=min(rates),
        high=max(rates),
        response=_mean([curve.response[place] for curve in curves]),
    )


def _bounds(curves: Sequence[SweepCurve], tail: float) -> AsymptoticBounds | None:
    shown = [curve.bounds for curve in curves]
    capacity = geometric_mean([each.capacity if each else None for each in shown], tail)
    if capacity is None:
        return None
    told = [each for each in shown if each]
    think = math.fsum(each.think for each in told) / len(told)
    return AsymptoticBounds(capacity.estimate, _mean([each.response for each in told]), think)


def _law(
    laws: Sequence[ScalabilityLaw], blocks: int, tail: float
) -> ScalabilityLawOverBlocks | None:
    missing: list[float | None] = [None] * (blocks - len(laws))
    rate = _estimate(geometric_mean([*(law.rate for law in laws), *missing], tail))
    if rate is None:
        return None
    sigma = t_interval([law.sigma for law in laws], tail)
    kappa = t_interval([law.kappa for law in laws], tail)
    return ScalabilityLawOverBlocks(
        rate,
        Estimate(sigma.estimate, max(0.0, sigma.low), min(1.0, sigma.high)),
        Estimate(kappa.estimate, max(0.0, kappa.low), kappa.high),
    )


def _estimate(interval: ConfidenceInterval | None) -> Estimate | None:
    return Estimate.from_interval(interval) if interval else None


def _mean(values: Sequence[float]) -> float:
    """Geometric, of values above 0."""
    return math.exp(math.fsum(map(math.log, values)) / len(values))
