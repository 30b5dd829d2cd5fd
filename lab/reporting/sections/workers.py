"""The workers that shared the load: who they were, what each did, and how far clocks agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.measures.number_format import MISSING, percentage, seconds
from lab.reporting.table import Table
from lab.reporting.trials_of_run import RunTrials
from lab.trials.plan import PlannedWorkers
from lab.trials.worker_records import WorkerRecord


@dataclass(frozen=True)
class WorkersSection:
    """What is reported of the workers of a load."""

    summary: str  # a paragraph
    table: Table  # a row for each worker


def workers_section(trials: RunTrials, planned: PlannedWorkers | None) -> WorkersSection | None:
    """The workers over all counted trials; None if a single process made the load."""
    if planned is None:
        return None
    by_name: dict[str, list[WorkerRecord]] = {}
    for trial in trials.counted:
        fleet = trial.service.fleet
        for worker in () if fleet is None else fleet.workers:
            by_name.setdefault(worker.name, []).append(worker)
    rows = tuple(_row(name, seen) for name, seen in by_name.items())
    head = (
        *("worker", "where", "users", "requests", "ticker", "dispatch delay", "processor"),
        *("clock", "known to", "began late"),
    )
    fleets = (trial.service.fleet for trial in trials.all)
    recorded = [worker for each in fleets if each is not None for worker in each.workers]
    return WorkersSection(_summary(planned, recorded), Table(head, rows, "ll" + "r" * 8))


def _summary(planned: PlannedWorkers, recorded: Sequence[WorkerRecord]) -> str:
    error_s = max((worker.clock_error_s for worker in recorded), default=0.0)
    clocks = "They share one clock, so that their windows are the same."
    if planned.remote and not recorded:
        clocks = "Whether they share one clock is not known: no trial recorded it."
    elif error_s or any(worker.clock_offset_s for worker in recorded):
        clocks = (
            "Their monotonic clocks differ: the offset of each was measured before each trial, and "
            "at the start of each trial the edges of its window and of its seconds may be wrong by "
            f"up to {seconds(error_s)}; how far clocks drift apart within it is not measured."
        )
    return (
        f"The load was shared by {planned}. {clocks} Latency is measured within a worker: it holds "
        "nothing of the way from a worker to the lab. Of a voided block, the list of voided blocks "
        "says which worker was the reason."
    )


def _row(name: str, seen: Sequence[WorkerRecord]) -> tuple[str, ...]:
    """One worker: sums, or the worst of its trials."""
    places = list(dict.fromkeys(worker.place for worker in seen))
    again = f" and {len(places) - 1} earlier" if len(places) > 1 else ""
    lags = [worker.lag.quantile(0.99, beyond=0) for worker in seen if worker.lag is not None]
    peaks = [worker.cpu_peak for worker in seen if worker.cpu_peak is not None]
    return (
        name,
        f"{places[-1]}{again}",
        f"{max(worker.users for worker in seen):,}",
        f"{sum(worker.requests for worker in seen):,}",
        seconds(max(worker.ticker_late_p99_s for worker in seen)),
        seconds(max(lag or 0.0 for lag in lags)) if lags else MISSING,
        percentage(max(peaks)) if peaks else MISSING,
        f"{seen[-1].clock_offset_s:+.6f} s" if seen[-1].clock_offset_s else "the lab's own",
        seconds(max(worker.clock_error_s for worker in seen)),
        seconds(max(worker.begin_late_s for worker in seen)),
    )
