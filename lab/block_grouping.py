"""Trials grouped into blocks: those that count, and those that a gate voided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.hypothesis import Step
from lab.trial import Fault, Trial
from lab.trial_plan import Plan

Block = Mapping[Step, tuple[Trial, ...]]  # the trusted trials of each step


@dataclass(frozen=True)
class Blocks:
    """The blocks of a run that have ended.

    Attributes:
        complete: In order: each has every trial that was planned, and all are trusted.
        voided: The faults of each voided block, in order.
    """

    complete: tuple[Block, ...]
    voided: tuple[tuple[Fault, ...], ...]


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
    return Blocks(tuple(complete), tuple(voided))


def _by_step(members: Sequence[Trial], planned: Mapping[Step, int]) -> Block:
    return {step: tuple(trial for trial in members if trial.step == step) for step in planned}
