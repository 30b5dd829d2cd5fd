"""Checks the gates of a trial, those of its kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from lab.decision_margins import DecisionMargins
from lab.gates import benchmark_gates, load_gates, soak_gates
from lab.gates.gate_check import Check
from lab.gates.judged_measures import with_final
from lab.hypothesis import Benchmark, Hypothesis, LoadTest, SoakTest
from lab.system import MetricNames
from lab.trials.plan import PlannedWorkers
from lab.trials.trial import Trial

NO_NAMES = MetricNames()


def inspect(
    trial: Trial,
    hypothesis: Hypothesis,
    task_errors: Mapping[str, int] | None = None,
    warmup_errors: Mapping[str, int] | None = None,
    *,
    margins: DecisionMargins,
    names: MetricNames = NO_NAMES,
    is_proved: bool = True,
    workers: PlannedWorkers | None = None,
) -> Trial:
    """The trial with the figure of every gate and the faults found, gravest cause first.

    Faults that the trial already has (a dead process, other settings) stay in front: what follows
    from them is not the reason.

    Args:
        trial: As it was measured.
        hypothesis: Its kind decides which gates there are.
        task_errors: Of a load: faults of the scenario itself, with counts.
        warmup_errors: Of a load: errors of requests before its window, with counts.
        margins: Of the plan.
        names: Of the counters that some gates need; without them these are not checked.
        is_proved: Whether anything shows which settings an arm runs with; if nothing does, that
            is not checked.
        workers: Of the plan.
    """
    checks = list(
        _checks(trial, hypothesis, margins, names, workers, task_errors or {}, warmup_errors or {})
    )
    found = [fault for check in checks if (fault := check.fault) is not None]
    figures = {gate: _earlier(trial, gate) for gate in _decided_earlier(hypothesis)}
    if not is_proved and not figures.get("settings"):
        figures.pop("settings", None)
    figures |= {check.gate: round(check.figure, 6) for check in checks}
    return replace(trial, faults=(*trial.faults, *found), gates=figures)


def _checks(
    trial: Trial,
    hypothesis: Hypothesis,
    margins: DecisionMargins,
    names: MetricNames,
    workers: PlannedWorkers | None,
    task_errors: Mapping[str, int],
    warmup_errors: Mapping[str, int],
) -> Iterator[Check]:
    match hypothesis.kind:
        case LoadTest():
            found = load_gates.checks(
                trial, hypothesis, margins, names, task_errors, warmup_errors, workers
            )
            yield from with_final([*found], trial) if margins.final_if_judged else found
        case SoakTest():
            yield from soak_gates.checks(trial, hypothesis, margins, names, workers)
        case Benchmark():
            yield from benchmark_gates.checks(trial, hypothesis, margins.gates)


def _decided_earlier(hypothesis: Hypothesis) -> tuple[str, ...]:
    """The gates that were checked while the trial ran."""
    if isinstance(hypothesis.kind, Benchmark):
        return ("alive", "conditions", "counts")
    return ("alive", "settings", "conditions")


def _earlier(trial: Trial, gate: str) -> float:
    return float(any(fault.gate == gate for fault in trial.faults))
