"""Gates of one process of a benchmark, which no driver loads."""

from __future__ import annotations

from collections.abc import Iterator

from lab.decision_margins import GateLimits
from lab.gates import background_gates
from lab.gates.gate_check import Check
from lab.hypothesis import Hypothesis
from lab.trials.trial import BenchmarkEvidence, Trial


def checks(trial: Trial, hypothesis: Hypothesis, limits: GateLimits) -> Iterator[Check]:
    """The checks of one process."""
    yield from background_gates.checks(trial, limits)
    lacking = _lacking_counts(trial, hypothesis)
    message = _no_count(trial, lacking[0]) if lacking else ""
    yield Check("evidence", len(lacking), 0, message, retryable=False)


def _lacking_counts(trial: Trial, hypothesis: Hypothesis) -> list[str]:
    """The counts that predictions need and the process did not report."""
    if not isinstance(trial.evidence, BenchmarkEvidence):
        return []  # it failed before: `alive` reports it
    needed = {
        prediction.measure
        for prediction in hypothesis.all_predictions
        if prediction.count and trial.arm in prediction.arms and prediction.at == trial.level
    }
    return sorted(needed - set(trial.evidence.counts))


def _no_count(trial: Trial, name: str) -> str:
    """Why a process yields no count of that name, and how it would."""
    assert isinstance(trial.evidence, BenchmarkEvidence)
    example = f'benchmark.extra_info["{name}"]'
    if what := trial.evidence.other_info.get(name):
        return (
            f"{name} of {trial.step} is {what}, not a whole number: store one, as in {example} = 7."
        )
    stored = sorted({*trial.evidence.counts, *trial.evidence.other_info})
    there_is = f" (it reports {', '.join(stored)})" if stored else ""
    return (
        f"{trial.step} reports no {name}{there_is}: set it in the benchmark, as in {example} = n."
    )
