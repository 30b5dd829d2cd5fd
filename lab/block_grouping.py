"""Trials grouped into blocks: those that count, and those that a gate voided."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.hypothesis import Step
from lab.trial import Fault, LoadEvidence, Trial
from lab.trial_plan import Plan

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
    complete: list[Block] = []
    voided: list[tuple[Fault, ...]] = []
    for _, members in sorted(by_block.items()):
        faults = tuple(fault for trial in members for fault in trial.faults)
        if faults:
            voided.append(faults)
        elif Counter(trial.step for trial in members) == planned:
            complete.append(_by_step(members, planned))
    kept, too_short = _by_length(complete)
    return Blocks(tuple(kept), tuple(voided), tuple(too_short))


def _by_length(blocks: Sequence[Block]) -> tuple[list[Block], list[Block]]:
    """Those that no block in fewer, longer slices has followed, and the others.

    Slices are made longer within a run for one reason: the arms left something to each other.
    """
    kept: list[Block] = []
    too_short: list[Block] = []
    fewest = math.inf
    for block in reversed(blocks):
        slices = max(slice_count(trial) for trials in block.values() for trial in trials)
        if slices <= fewest:
            kept.append(block)
            fewest = slices
        else:
            too_short.append(block)
    return kept[::-1], too_short[::-1]


def slice_count(trial: Trial) -> int:
    """Into how many slices the window of a load was cut; 1 if it was not, and of other kinds."""
    return len(trial.evidence.slices) or 1 if isinstance(trial.evidence, LoadEvidence) else 1


def _by_step(members: Sequence[Trial], planned: Mapping[Step, int]) -> Block:
    return {step: tuple(trial for trial in members if trial.step == step) for step in planned}
