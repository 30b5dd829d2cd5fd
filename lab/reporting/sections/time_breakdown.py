"""Where the time went: the shares of a request's time that the hypothesis measures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from lab.hypothesis import MetricRatio
from lab.hypothesis.validation.units import unit_by_name
from lab.measures.number_format import percentage, seconds
from lab.reporting.measure_wording import by_arm
from lab.reporting.trials_of_run import RunTrials
from lab.trials.measure_values import counter


@dataclass(frozen=True)
class TimeShare:
    """How much of an arm's time one thing took."""

    share: float
    part_s: float | None  # per request
    whole_s: float | None

    def __str__(self) -> str:
        if self.part_s is None or self.whole_s is None:
            return percentage(self.share)
        times = f"{seconds(self.part_s)} of {seconds(self.whole_s)} per request"
        return f"{percentage(self.share)} ({times})"


@dataclass(frozen=True)
class TimeBreakdown:
    """One part of a request's time, by arm."""

    name: str
    whole: str  # the metric that it is a share of
    shares: Mapping[str, TimeShare]

    @property
    def is_per_request(self) -> bool:
        """Whether it is known of how many requests the time is."""
        return all(share.whole_s is not None for share in self.shares.values())

    @property
    def title(self) -> str:
        """What its values are."""
        return "Time per request" if self.is_per_request else "Share of the time"

    @property
    def caption(self) -> str:
        """What the chart shows."""
        return by_arm(
            f"{self.name.capitalize()} as a share of {self.whole}",
            {arm: str(share) for arm, share in self.shares.items()},
        )


def time_breakdowns(trials: RunTrials) -> tuple[TimeBreakdown, ...]:
    """One for each ratio of times that the hypothesis defines and that is a share."""
    pooled = {arm: _pooled_counters(trials, arm) for arm in trials.arms}
    found = []
    for name, metric in trials.hypothesis.measures.items():
        if not isinstance(metric, MetricRatio) or not _is_of_times(metric):
            continue
        shares = {
            arm: share
            for arm in trials.arms
            if (share := _time_share(pooled[arm], metric)) is not None
        }
        if shares and all(0 <= share.share <= 1 for share in shares.values()):
            label = name.removesuffix("_share").replace("_", " ")
            found.append(TimeBreakdown(label, metric.denominator, shares))
    return tuple(found)


def _is_of_times(metric: MetricRatio) -> bool:
    return {unit_by_name(metric.numerator), unit_by_name(metric.denominator)} == {"s"}


def _pooled_counters(trials: RunTrials, arm: str) -> Mapping[str, float]:
    pooled: Counter[str] = Counter()
    for trial in trials.counted_of(arm):
        pooled.update(trial.service.counters)
    return pooled


def _time_share(counters: Mapping[str, float], metric: MetricRatio) -> TimeShare | None:
    part, whole = counter(counters, metric.numerator), counter(counters, metric.denominator)
    if part is None or not whole:
        return None
    # A Prometheus histogram or summary counts its observations beside their sum.
    selector, summed = re.subn(r"_sum(?=\{|$)", "_count", metric.denominator, count=1)
    count = counter(counters, selector) if summed else None
    if not count:
        return TimeShare(part / whole, None, None)
    return TimeShare(part / whole, part / count, whole / count)
