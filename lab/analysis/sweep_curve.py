"""The curve of one arm in one block of a sweep: throughput and response by load.

A block holds a trial of each level, hence one curve for each arm. Capacity and knee of the curve
come from the asymptotic bounds (Denning & Buzen, 1978), the peak from the Universal Scalability
Law (Gunther, 2007).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from lab.stats.asymptotic_bounds import AsymptoticBounds, measure_bounds, measure_think
from lab.stats.margins import SweepMargins
from lab.stats.sweep_plateau import reach
from lab.stats.universal_scalability_law import ScalabilityLaw, fit_law
from lab.trials.block_grouping import Block
from lab.trials.measure_values import REQUEST_READERS, MissingRequests, total
from lab.trials.trial import LoadEvidence, Trial


@dataclass(frozen=True)
class SweepCurve:
    """One arm's sweep in one block, from the lowest level to the highest.

    Attributes:
        levels: As the hypothesis names them: users, or arrivals per second.
        users: In the system at each level, including those that pause. With open arrivals the
            mean number of requests in flight, X * R (Little, 1961); R from the actual send, so
            that no arrival counts that waits in the driver.
        throughput: Successful requests per second.
        response: Mean latency, seconds.
        closed: Whether the levels are users, who may pause between two requests.
        margins: When the curve shows a plateau or a peak.
        keeps_up: Whether the service completes the arrivals of the highest rate. A throughput that
            equals the rate is no plateau. Never true of a closed sweep.
        lacks_users: Whether the service would complete more arrivals of the highest rate if the
            load driver had more users. A throughput that equals the rate that reaches it is no
            plateau. Never true of a closed sweep.
    """

    levels: tuple[float, ...]
    users: tuple[float, ...]
    throughput: tuple[float, ...]
    response: tuple[float, ...]
    closed: bool
    margins: SweepMargins
    keeps_up: bool = False
    lacks_users: bool = False

    @classmethod
    def of(
        cls, trials: Mapping[float, Trial], margins: SweepMargins, *, closed: bool
    ) -> SweepCurve | None:
        """Return the curve of one trial per level; None if a level had no successful request.

        Args:
            trials: By level, in any order.
            margins: When the curve shows a plateau or a peak.
            closed: Whether the levels are users.
        """
        levels = tuple(sorted(trials))
        rates, means, sent_means = (
            [
                REQUEST_READERS[name](total(trials[n]), trials[n].window_s, MissingRequests())
                for n in levels
            ]
            for name in ("throughput", "latency_mean", "service_latency_mean")
        )
        throughput = tuple(rate for rate in rates if rate)
        response = tuple(mean for mean in means if mean)
        if not len(throughput) == len(response) == len(levels):
            return None
        in_flight = tuple(
            x * (r - margins.without_wait * (r - (sent or r)))
            for x, r, sent in zip(throughput, response, sent_means, strict=True)
        )
        users = levels if closed else in_flight
        lowest, highest = (trials[levels[place]] for place in (0, -1))
        keeps_up = _keeps_up(lowest, highest, margins)
        lacks_users = _lacks_users(lowest, highest, margins)
        return cls(levels, users, throughput, response, closed, margins, keeps_up, lacks_users)

    @property
    def reach(self) -> float:
        """The highest number of users at which the sweep could show a peak."""
        return reach(self.users, self.margins)

    @cached_property
    def bounds(self) -> AsymptoticBounds | None:
        """Capacity, response time without queueing, and pause; None if it did not saturate."""
        if self.keeps_up or self.lacks_users:
            return None
        points = (self.users, self.throughput, self.response)
        think = measure_think(*points, self.margins) if self.closed else 0.0
        return measure_bounds(*points, self.margins, think, closed=self.closed)

    @cached_property
    def law(self) -> ScalabilityLaw | None:
        """The fitted Universal Scalability Law; None if no parameters can be computed."""
        return fit_law(self.users, self.throughput, self.margins)

    @property
    def peak(self) -> float | None:
        """Users at the peak; infinite for "no peak in this range"; None if neither is shown."""
        if self.law is None or (self.lacks_users and self.margins.without_wait):
            return None
        if self.law.peak is not None:
            return self.law.peak.users
        return math.inf if self.law.rises else None


def sweep_curve(
    arm: str, block: Block, margins: SweepMargins, *, closed: bool
) -> SweepCurve | None:
    """Return an arm's curve in one block; None if a level had no successful request.

    Args:
        arm: Its name.
        block: A complete one.
        margins: When the curve shows a plateau or a peak.
        closed: Whether the levels are users.
    """
    trials = {
        step.level: trial
        for step, (trial,) in block.items()
        if step.arm == arm and step.level is not None
    }
    return SweepCurve.of(trials, margins, closed=closed)


def _lacks_users(lowest: Trial, highest: Trial, margins: SweepMargins) -> bool:
    """Whether arrivals found no free user while the service was as quick as without load."""
    seen = highest.evidence.dispatch if isinstance(highest.evidence, LoadEvidence) else None
    if seen is None or not seen.waiting:
        return False
    alone, loaded = (total(trial).service_latency.mean for trial in (lowest, highest))
    return bool(alone and loaded and loaded < margins.min_slowdown * alone)


def _keeps_up(lowest: Trial, highest: Trial, margins: SweepMargins) -> bool:
    """Whether about as many requests of an open load succeed as are scheduled in the window.

    Errors that the lowest rate has as well are no sign of saturation.
    """
    seen = highest.evidence.dispatch if isinstance(highest.evidence, LoadEvidence) else None
    if seen is None or not seen.sent:
        return False
    requests, alone = total(highest), total(lowest).ended
    scheduled = seen.scheduled * requests.count / seen.sent  # an arrival may take several
    usual = 1 - margins.usual_errors * alone.errors / alone.count  # share of successes
    return requests.ended.count - requests.ended.errors >= margins.keeps_up * scheduled * usual
