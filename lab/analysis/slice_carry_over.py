"""Carry-over between the slices of a run, by arm."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.analysis.sliced_load import slice_values
from lab.decision_margins import SliceMargins
from lab.stats.carry_over import MIN_SLICES, CarryOver, carry_over
from lab.trials.measure_values import idle_arms_cpu
from lab.trials.trial import LoadEvidence, Trial


@dataclass(frozen=True)
class ArmCarryOver:
    """What other arms leave to one arm.

    Attributes:
        arm: Its name.
        found: Of the logarithm of its throughput.
        is_significant: Whether it is larger than the noise, and large enough to matter.
    """

    arm: str
    found: CarryOver
    is_significant: bool


def carry_over_by_arm(trials: Sequence[Trial], margins: SliceMargins) -> tuple[ArmCarryOver, ...]:
    """Return the carry-over of each arm that has enough slices.

    Args:
        trials: Of any blocks; those without slices are left out.
        margins: Of the plan.
    """
    after_other, after_same = _by_what_they_follow(trials)
    found = {
        arm: carry_over(others, after_same.get(arm, ())) for arm, others in after_other.items()
    }
    level = margins.carry_over_level / max(len(found), 1)
    return tuple(
        ArmCarryOver(arm, each, each.p < level and abs(each.change) > margins.min_carry_over)
        for arm, each in found.items()
        if each is not None
    )


def untested_arms(trials: Sequence[Trial]) -> Mapping[str, tuple[int, int]]:
    """Return the arms loaded in turn that have too few slices for `carry_over_by_arm`.

    Args:
        trials: Of any blocks; those without slices are left out.

    Returns:
        By arm, how many of its slices follow another arm, and how many the same one, of those that
        can be compared: fewer than `MIN_SLICES` of either.
    """
    after_other, after_same = _by_what_they_follow(trials)
    in_turn = dict.fromkeys(
        trial.arm
        for trial in trials
        if isinstance(trial.evidence, LoadEvidence) and trial.evidence.slices
    )
    counts = {arm: (len(after_other.get(arm, ())), len(after_same.get(arm, ()))) for arm in in_turn}
    return {arm: each for arm, each in counts.items() if min(each) < MIN_SLICES}


def uneven_arm(trials: Sequence[Trial], margins: SliceMargins) -> tuple[str, str] | None:
    """Return the arm that suffers most from the work of others, and a sentence that says so.

    An arm that puts off its work leaves it to the slices of others: half of it, if there are two.
    As long as all arms do so alike, their ratio is right.

    Args:
        trials: Of all arms in some blocks, in slices.
        margins: Of the plan.

    Returns:
        None if all arms suffer alike.
    """
    cores = {arm: _idle_arms_cpu(trials, arm) for arm in sorted({trial.arm for trial in trials})}
    least, most = min(cores, key=cores.__getitem__), max(cores, key=cores.__getitem__)
    if cores[most] - cores[least] <= margins.max_idle_difference:
        return None
    return most, (
        f"While arm {most} was loaded, the other arms, which nobody loaded, used {cores[most]:.2f} "
        f"cores, and {cores[least]:.2f} while arm {least} was (limit "
        f"{margins.max_idle_difference:g} apart): one of them does work of its own slices in those "
        "of others."
    )


def carry_over_message(each: ArmCarryOver) -> str:
    """What was found, as a sentence."""
    return (
        f"Arm {each.arm} does {math.expm1(each.found.change):+.1%} in a slice that follows another "
        "arm's, compared with one that follows its own: something that an arm leaves behind falls "
        "into the next slice."
    )


def _idle_arms_cpu(trials: Sequence[Trial], arm: str) -> float:
    evidence = [trial.evidence for trial in trials if trial.arm == arm]
    return idle_arms_cpu(
        [each for found in evidence if isinstance(found, LoadEvidence) for each in found.slices]
    )


def _by_what_they_follow(
    trials: Sequence[Trial],
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """The slices that follow another arm, and those that follow the same one, by their arm."""
    after_other: dict[str, list[float]] = {}
    after_same: dict[str, list[float]] = {}
    for block in sorted({trial.block for trial in trials}):
        members = {trial.arm: trial for trial in trials if trial.block == block}
        _sort_block(members, after_other, after_same)
    return after_other, after_same


def _sort_block(
    members: Mapping[str, Trial],
    after_other: dict[str, list[float]],
    after_same: dict[str, list[float]],
) -> None:
    """Add each slice of a block to those that follow another arm, or the same one."""
    logs: dict[str, list[float]] = {}
    arm_at: dict[int, str] = {}
    for arm, trial in members.items():
        values = slice_values(trial, "throughput", {})
        if not values or not isinstance(trial.evidence, LoadEvidence):
            return
        logs[arm] = [math.log(value) for value in values]
        arm_at |= {each.position: arm for each in trial.evidence.slices}
    if len({len(own) for own in logs.values()}) != 1 or len(logs) < 2:
        return
    for arm, trial in members.items():
        assert isinstance(trial.evidence, LoadEvidence)
        others = [own for name, own in logs.items() if name != arm]
        relative = [
            own - math.fsum(each[place] for each in others) / len(others)
            for place, own in enumerate(logs[arm])
        ]
        middle = math.fsum(relative) / len(relative)
        for each, value in zip(trial.evidence.slices, relative, strict=True):
            before = arm_at.get(each.position - 1)
            if before is not None:
                kind = after_same if before == arm else after_other
                kind.setdefault(arm, []).append(value - middle)
