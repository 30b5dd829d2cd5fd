"""The table of every trial, trusted or not."""

from __future__ import annotations

from collections.abc import Sequence

from lab.hypothesis import Benchmark
from lab.measures.number_format import MISSING, or_missing, percentage
from lab.reporting.measure_wording import TOO_FEW, value_format
from lab.reporting.table import Table
from lab.reporting.trials_of_run import RunTrials, roles_in_order
from lab.trials.trial import Trial

_MEASURES = ("throughput", "latency_p50", "latency_p95", "error_rate")


def trial_table(trials: RunTrials) -> Table:
    """A row for each trial, in the order in which they ran."""
    trusted = _trusted(trials)
    if isinstance(trials.hypothesis.kind, Benchmark):
        return _of_processes(trials, trusted)
    return _of_a_service(trials, trusted)


def _trusted(trials: RunTrials) -> list[str]:
    """Whether each trial counts, and if not, why."""
    counted, too_short = trials.counted_blocks, trials.too_short_blocks
    voided = {trial.block for trial in trials.all if trial.faults}

    def reason(trial: Trial) -> str:
        if trial.faults:
            return "no: " + ", ".join(dict.fromkeys(fault.gate for fault in trial.faults))
        if trial.block in counted:
            return "yes"
        if trial.block in too_short:
            return "slices too short"
        return "block voided" if trial.block in voided else "block unfinished"

    return [reason(trial) for trial in trials.all]


def _of_processes(trials: RunTrials, trusted: Sequence[str]) -> Table:
    has_launches = any(trial.repeat > 1 for trial in trials.all)
    rows = tuple(
        (
            *(str(trial.block), *((str(trial.repeat),) if has_launches else ())),
            *(str(trial.step), reason, time, f"{trial.other_cpu:.2f}"),
        )
        for trial, reason, time in zip(trials.all, trusted, _column(trials, "time"), strict=True)
    )
    head = ("block", *(("launch",) if has_launches else ()), "arm", "trusted")
    columns = "r" * (len(head) - 2) + "llrr"
    return Table((*head, "time", "CPU of other processes"), rows, columns)


def _of_a_service(trials: RunTrials, trusted: Sequence[str]) -> Table:
    custom = tuple(trials.hypothesis.measures)
    roles = roles_in_order(
        (role for trial in trials.all for role in trial.service.usage), trials.loaded
    )
    throttled = [role for role in roles if any(_throttled(trial, role) for trial in trials.all)]
    measured = zip(*(_column(trials, name) for name in (*_MEASURES, *custom)), strict=True)
    rows = tuple(
        (
            *(str(trial.block), str(trial.step), reason),
            *figures,
            *(_cpu(trial, role) for role in roles),
            *(or_missing(percentage, _throttled(trial, role)) for role in throttled),
        )
        for trial, reason, figures in zip(trials.all, trusted, measured, strict=True)
    )
    head = (
        *("block", "arm", "trusted", "throughput", "p50", "p95", "errors"),
        *(name.replace("_", " ") for name in custom),
        *(f"{role} CPU" for role in roles),
        *(f"{role} throttled" for role in throttled),
    )
    return Table(head, rows, "rll" + "r" * (len(head) - 3))


def _cpu(trial: Trial, role: str) -> str:
    usage = trial.service.usage
    return f"{usage[role].cpu:.2f}" if role in usage else MISSING


def _throttled(trial: Trial, role: str) -> float | None:
    usage = trial.service.usage
    return usage[role].throttled or 0.0 if role in usage else None


def _column(trials: RunTrials, name: str) -> list[str]:
    """A measure of every trial, in one format."""
    values = [trials.value(trial, name) for trial in trials.all]
    is_share = all(0 <= value <= 1 for value in values if value is not None)
    form = value_format(name, trials.hypothesis.measures, is_share)
    missing = TOO_FEW if name.startswith("latency_p") else MISSING
    return [or_missing(form, value, missing) for value in values]
