"""The arms that were compared: their settings and main measures."""

from __future__ import annotations

from collections.abc import Mapping

from lab.hypothesis import Benchmark, Hypothesis
from lab.measures.number_format import low_to_high, per_second, percentage
from lab.reporting.sections.latency import quantiles
from lab.reporting.table import Table
from lab.reporting.trials_of_run import RunTrials


def arm_table(trials: RunTrials, commits: Mapping[str, str] | None = None) -> Table:
    """A row for each arm: settings, and for a service under load the main measures.

    Args:
        trials: Of the run.
        commits: Of the arms that are revisions.
    """
    hypothesis = trials.hypothesis
    named = {
        arm: (_name(hypothesis, arm), _settings(hypothesis, arm, commits or {}))
        for arm in trials.arms
    }
    if isinstance(hypothesis.kind, Benchmark):
        return Table(("arm", "settings"), tuple(named.values()), "ll")
    rows = tuple(
        (
            *named[arm],
            low_to_high(per_second, trials.values(arm, "throughput")),
            *quantiles(trials.latency(arm)),
            low_to_high(percentage, trials.values(arm, "error_rate")),
        )
        for arm in trials.arms
    )
    head = ("arm", "settings", "throughput", "p50", "p95", "p99", "errors")
    return Table(head, rows, "llrrrrr")


def _name(hypothesis: Hypothesis, arm: str) -> str:
    return f"{arm} (control)" if arm == hypothesis.control else arm


def _settings(hypothesis: Hypothesis, arm: str, commits: Mapping[str, str]) -> str:
    """Its revision, and the settings in which the arm differs from what all arms share."""
    revision = hypothesis.revisions.get(arm)
    code = [] if revision is None else [f"git {revision} = {commits.get(arm, '')[:12]}"]
    own = code + [
        f"{key}={value}"
        for key, value in hypothesis.arms[arm].items()
        if hypothesis.settings.get(key) != value
    ]
    return ", ".join(own) or "the settings that all arms share"
