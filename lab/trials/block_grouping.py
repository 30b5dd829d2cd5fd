"""Trials grouped into blocks: those that count, and those that a gate voided."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.hypothesis import Step
from lab.trials.plan import Plan
from lab.trials.trial import CARRY_OVER, Fault, LoadEvidence, Trial

Block = Mapping[Step, tuple[Trial, ...]]  # the trusted trials of each step


@dataclass(frozen=True)
class Blocks:
    """The blocks of a run that have ended.

    Attributes:
        complete: In order: each has every trial that was planned, and all are trusted; without
            those that are `too_short`.
        voided: The faults of each voided block, in order.
        too_short: In order: complete, but in slices that turned out to be too short.
    """

    complete: tuple[Block, ...]
    voided: tuple[tuple[Fault, ...], ...]
    too_short: tuple[Block, ...]


def group_trials(trials: Sequence[Trial], plan: Plan) -> Blocks:
    """The trials of a run as blocks; an unfinished block is neither complete nor voided."""
    planned = Counter(plan.orders[0])
    by_block: dict[int, list[Trial]] = {}
    for trial in trials:
        by_block.setdefault(trial.block, []).append(trial)
    complete: list[list[Trial]] = []
    too_short: list[list[Trial]] = []
    voided: list[tuple[Fault, ...]] = []
    for _, members in sorted(by_block.items()):
        most = _most_slices_before(members)
        too_short += [earlier for earlier in complete if _most_slices(earlier) > most]
        complete = [earlier for earlier in complete if _most_slices(earlier) <= most]
        faults = tuple(fault for trial in members for fault in trial.faults)
        if faults:
            voided.append(faults)
        elif Counter(trial.step for trial in members) == planned:
            complete.append(members)
    return Blocks(
        complete=tuple(_by_step(members, planned) for members in complete),
        voided=tuple(voided),
        too_short=tuple(_by_step(members, planned) for members in too_short),
    )


def _most_slices_before(members: Sequence[Trial]) -> float:
    """How many slices the blocks before this one may have and count; infinite if any number.

    Slices are made longer within a run if they turned out to be too short. That shows in a block
    that carry-over voids, and in longer slices or whole windows from then on.
    """
    gates = {fault.gate for trial in members for fault in trial.faults}
    if CARRY_OVER in gates or any(map(_is_whole, members)):
        return 1
    return math.inf if gates else _most_slices(members)  # a void block may have ended early


def _most_slices(members: Sequence[Trial]) -> int:
    return max(map(slice_count, members))


def _is_whole(trial: Trial) -> bool:
    """Whether it was measured in a whole window."""
    evidence = trial.evidence
    return isinstance(evidence, LoadEvidence) and bool(evidence.requests) and not evidence.slices


def slice_count(trial: Trial) -> int:
    """Into how many slices the window of a load was cut; 1 if it was not, and of other kinds."""
    return len(trial.evidence.slices) or 1 if isinstance(trial.evidence, LoadEvidence) else 1


def _by_step(members: Sequence[Trial], planned: Mapping[Step, int]) -> Block:
    return {step: tuple(trial for trial in members if trial.step == step) for step in planned}
