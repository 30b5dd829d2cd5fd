"""Gates of one process of a benchmark, which no driver loads."""

from __future__ import annotations

from collections.abc import Iterator

from lab.gates import background_gates
from lab.gates.gate_check import Check
from lab.hypothesis import Hypothesis
from lab.trial import BenchmarkEvidence, Trial


def checks(trial: Trial, hypothesis: Hypothesis) -> Iterator[Check]:
    """The checks of one process."""
    yield from background_gates.checks(trial)
    lacking = _lacking_counts(trial, hypothesis)
    first = lacking[0] if lacking else ""
    yield Check(
        "evidence",
        len(lacking),
        0,
        f"{trial.step} reports no {', '.join(lacking)}: set it in the benchmark, as in "
        f'benchmark.extra_info["{first}"] = n.',
        retryable=False,
    )


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
