"""How the windows were cut into slices, and whether one slice changed the next."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.analysis.slice_carry_over import ArmCarryOver, carry_over_by_arm, untested_arms
from lab.measures.number_format import percentage, plain, seconds
from lab.reporting.table import Table
from lab.reporting.trials_of_run import RunTrials
from lab.runs.run_folder import SLICES_CHANGED
from lab.stats.carry_over import MIN_SLICES
from lab.trials.trial import LoadEvidence, LoadSlice


@dataclass(frozen=True)
class SlicesSection:
    """The slices of all counted blocks, and why there are none or fewer than before."""

    summary: str  # a paragraph
    carry_over: Table  # a row for each arm that was tested for it
    untested: str  # the other arms, and why, as sentences; empty if there are none
    changes: tuple[str, ...]  # a sentence for each change of their length


def slices_section(trials: RunTrials, journal: Sequence[Mapping[str, Any]]) -> SlicesSection | None:
    """None if no counted trial was measured in slices, and none was to be."""
    changes = tuple(_change(entry) for entry in journal if entry["event"] == SLICES_CHANGED)
    by_trial = [
        trial.evidence.slices
        for trial in trials.counted
        if isinstance(trial.evidence, LoadEvidence) and trial.evidence.slices
    ]
    if not by_trial:
        whole = "The arms were loaded one after the other, for a whole window each."
        summary = whole if trials.counted else "No block counts."
        return SlicesSection(summary, _table(()), "", changes) if changes else None
    return SlicesSection(
        summary=_summary(list(itertools.chain.from_iterable(by_trial)), len(by_trial)),
        carry_over=_table(carry_over_by_arm(trials.counted, trials.margins.slices)),
        untested=_untested(untested_arms(trials.counted)),
        changes=changes,
    )


def _change(entry: Mapping[str, Any]) -> str:
    reason = str(entry["reason"]).rstrip(".")
    whole = entry["rounds"] == 1
    if entry["block"] is None and not whole:  # of a run before such slices were declined
        return (
            f"Slices of {seconds(entry['slice_s'])}, as the hypothesis says, are short: {reason}."
        )
    if entry["block"] is None:
        return f"Windows are not cut into slices: {reason}."
    what = "Windows are not cut" if whole else f"Slices of {seconds(entry['slice_s'])}"
    return f"{what} after block {entry['block']}: {reason}. Blocks in shorter slices do not count."


def _summary(slices: list[LoadSlice], trials: int) -> str:
    middle_s = statistics.median(each.lasted_s for each in slices)
    took_s = math.fsum(each.took_s for each in slices)
    measured = math.fsum(each.lasted_s for each in slices) / took_s
    idle = math.fsum(each.idle_after_s for each in slices) / took_s
    observing = max(0.0, 1 - measured - idle)
    return (
        f"The arms were loaded in turn, in random order: {plain(len(slices) / trials)} slices of "
        f"{seconds(middle_s)} for each arm and block. Rates, times and shares are compared slice "
        "by slice, within a round; the interval of a ratio is extended to the ratio of all slices "
        "together. Quantiles and levels are those of all slices together. Of the time of the "
        f"slices, {percentage(measured)} was measured; the next slice waited until the arm was "
        f"idle for {percentage(idle)}, and observing took {percentage(observing)}."
    )


def _untested(counts: Mapping[str, tuple[int, int]]) -> str:
    if not counts:
        return ""
    arms = "; ".join(
        f"{arm} ({other} of its slices that count follow another arm, {same} the same one)"
        for arm, (other, same) in counts.items()
    )
    return (
        f"Not tested for carry-over: {arms}. At least {MIN_SLICES} of either are "
        "needed. An arm seldom follows itself if slices are few or arms many; slices of a block in "
        "which an arm had one without an answer do not count here."
    )


def _table(found: tuple[ArmCarryOver, ...]) -> Table:
    rows = tuple(
        (
            each.arm,
            str(each.found.after_other),
            str(each.found.after_same),
            f"{math.expm1(each.found.change):+.1%}",
            f"{each.found.p:.3f}",
            "yes" if each.is_significant else "no",
        )
        for each in found
    )
    head = ("arm", "after another arm", "after the same", "change of throughput", "p", "carry-over")
    return Table(head, rows, "lrrrrl")
