"""Trials and estimates of a run as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from lab.measures.table import Scope, names_of
from lab.runs.judged_run import JudgedRun
from lab.trials.measure_values import measure, total
from lab.trials.trial import Trial

_QUANTILES = ("latency_p50", "latency_p90", "latency_p99", "latency_p99.9")
_BUILT_IN = (*names_of(Scope.REQUEST), *_QUANTILES, *names_of(Scope.PROCESS), *names_of(Scope.CALL))
Cell = str | int | float | None


def trials_csv(run: JudgedRun) -> str:
    """A row for each trial: what was run, whether it counts, and its measures.

    Seconds, requests per second, shares of one, cores and bytes; a cell is empty if there is no
    evidence. A measure that no trial has gets no column.
    """
    trials = sorted(run.run_folder.trials(), key=lambda trial: (trial.block, trial.position))
    counted = set(map(id, run.counted(trials)))
    values = {name: [_value(run, trial, name) for trial in trials] for name in measures_of(run)}
    values = {name: column for name, column in values.items() if set(column) != {None}}
    rows = [
        (
            run.hypothesis.name,
            run.run_folder.run,
            trial.block,
            trial.position,
            trial.repeat,
            trial.arm,
            trial.level,
            _time(trial.started_at),
            trial.window_s,
            int(id(trial) in counted),
            " ".join(dict.fromkeys(fault.gate for fault in trial.faults)),
            total(trial).count,
            *(column[place] for column in values.values()),
        )
        for place, trial in enumerate(trials)
    ]
    head = ("hypothesis", "run", "block", "position", "launch", "arm", "level", "started_at")
    return as_csv((*head, "window_s", "counts", "faults", "requests", *values), rows)


def estimates_csv(run: JudgedRun) -> str:
    """A row for each prediction and rival, with its estimate and interval."""
    verdict = run.verdict
    rows = [
        (
            verdict.hypothesis,
            run.run_folder.run,
            verdict.verdict,
            "prediction" if judged.claim is None else "rival",
            judged.says,
            judged.measure,
            judged.subject,
            judged.bound,
            judged.outcome,
            judged.estimate,
            judged.low,
            judged.high,
            judged.decided_at,
        )
        for judged in (*verdict.predictions, *verdict.rivals)
    ]
    head = ("hypothesis", "run", "verdict", "of", "says", "measure", "subject", "bound")
    return as_csv((*head, "outcome", "estimate", "low", "high", "decided_at_block"), rows)


def measures_of(run: JudgedRun) -> tuple[str, ...]:
    """The measures that a trial of a run may have: built in, defined, and predicted."""
    predicted = [
        p.measure
        for p in run.hypothesis.all_predictions
        if p.measure and p.during is None and not p.count
    ]
    return tuple(dict.fromkeys((*_BUILT_IN, *run.hypothesis.measures, *predicted)))


def as_csv(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table as CSV; None is an empty cell, and a float has all its digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()


def _value(run: JudgedRun, trial: Trial, name: str) -> float | None:
    found = measure(trial, name, run.hypothesis.measures, margins=run.plan.margins.measures)
    return None if found is None else float(found)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
