"""The arrivals of an open load: scheduled, sent, answered, delayed."""

from __future__ import annotations

from lab.measures.number_format import percentage, seconds
from lab.reporting.table import Table
from lab.reporting.trials_of_run import RunTrials
from lab.trials.trial import Dispatch, LoadEvidence


def arrival_table(trials: RunTrials) -> Table:
    """A row for each arm, over the counted trials; no row for a closed load."""
    rows = []
    for arm in trials.arms:
        dispatched = [
            trial.evidence.dispatch
            for trial in trials.counted_of(arm)
            if isinstance(trial.evidence, LoadEvidence) and trial.evidence.dispatch is not None
        ]
        if dispatched:
            rows.append((arm, *_cells(dispatched)))
    head = (
        *("arm", "scheduled", "sent", "not sent", "no response"),
        *("dispatch delay", "wait for a user", "users"),
    )
    return Table(head, tuple(rows), "l" + "r" * 7)


def _cells(dispatched: list[Dispatch]) -> tuple[str, ...]:
    scheduled = sum(one.scheduled for one in dispatched)
    unsent = sum(one.unsent for one in dispatched)
    return (
        f"{scheduled:,}",
        f"{sum(one.sent for one in dispatched):,}",
        f"{unsent:,} ({percentage(unsent / max(scheduled, 1))})",
        f"{sum(one.unanswered for one in dispatched):,}",
        seconds(max(one.lag_p99_s for one in dispatched)),
        seconds(max(one.wait_p99_s for one in dispatched)),
        f"{max(one.users for one in dispatched):,}",
    )
