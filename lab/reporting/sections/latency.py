"""Latency of each arm: its distribution, and its quantiles by method and request name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.measures.number_format import or_missing, seconds
from lab.reporting.measure_wording import TOO_FEW, by_arm
from lab.reporting.table import Table
from lab.reporting.trials_of_run import RunTrials
from lab.stats.latency_histogram import Histogram
from lab.trials.measure_values import total


@dataclass(frozen=True)
class LatencySection:
    """Latencies over all trials that count."""

    by_arm: Mapping[str, Histogram]
    requests: Table  # by arm, method and request name

    @property
    def measured(self) -> bool:
        """Whether any trial counts."""
        return any(histogram.count for histogram in self.by_arm.values())

    @property
    def caption(self) -> str:
        """What the chart shows."""
        return by_arm(
            "Median over all counted trials",
            {
                arm: "{0} (p99: {2})".format(*quantiles(histogram))
                for arm, histogram in self.by_arm.items()
            },
        )


def latency_section(trials: RunTrials) -> LatencySection:
    """The latencies of every arm at the shown level."""
    return LatencySection({arm: trials.latency(arm) for arm in trials.arms}, _requests(trials))


def quantiles(latency: Histogram) -> tuple[str, str, str]:
    """Median, p95 and p99."""
    median, p95, p99 = (
        or_missing(seconds, latency.quantile(q), TOO_FEW) for q in (0.5, 0.95, 0.99)
    )
    return median, p95, p99


def _requests(trials: RunTrials) -> Table:
    rows = []
    for arm in trials.arms:
        counted = trials.counted_of(arm)
        for name, method in sorted({key for trial in counted for key in trial.service.requests}):
            parts = [total(trial, name, method) for trial in counted]
            rows.append(
                (
                    arm,
                    method,
                    name,
                    f"{sum(part.count for part in parts):,}",
                    f"{sum(part.errors for part in parts):,}",
                    f"{sum(part.socket_errors for part in parts):,}",
                    *quantiles(trials.latency(arm, name, method)),
                )
            )
    head = (
        *("arm", "method", "request", "requests", "errors", "no response"),
        *("p50", "p95", "p99"),
    )
    table = Table(head, tuple(rows), "lllrrrrrr")
    recorded = any(row[1] for row in rows)
    return table if recorded else _without_methods(table)


def _without_methods(table: Table) -> Table:
    """The table of a run that was recorded before methods were kept, or that needs none."""
    rows = tuple((arm, *rest) for arm, _, *rest in table.rows)
    arm, _, *head = table.head
    return Table((arm, *head), rows, table.align[:1] + table.align[2:])
