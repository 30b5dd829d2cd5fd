"""Carry-over between slices: found where it was made up, and only there."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace

from lab.analysis.slice_carry_over import carry_over_by_arm, uneven_arm, untested_arms
from lab.decision_margins import SliceMargins
from lab.experiment.slice_schedule import SliceSchedule
from lab.trials.trial import LoadEvidence, LoadSlice, SliceRequests, Trial
from tests.lab.builders import ORDERS

MARGINS = SliceMargins()


def block(number: int, arms: list[str], left_by_a: float, seed: int = 1) -> list[Trial]:
    """Slices of equal arms; one that follows `a` is slower by so much (a share)."""
    generator = random.Random(f"{seed}-{number}")
    schedule = SliceSchedule(20, 0.2)
    orders = itertools.chain.from_iterable(schedule.orders(arms, f"{seed}-{number}"))
    slices: dict[str, list[LoadSlice]] = {arm: [] for arm in arms}
    before = None
    for position, arm in enumerate(orders, 1):
        speed = generator.choice((1.0, 0.5)) if position % 7 == 0 else 1.0
        rate = 1000 * speed * math.exp(generator.gauss(0, 0.03))
        rate *= 1 - left_by_a * (before == "a")
        requests = {ORDERS: SliceRequests(round(rate), 0, 0.01)}
        slices[arm].append(LoadSlice(position, 1.0, 1.0, 0.0, 1.25, 0.0, requests, {}, {}))
        before = arm
    return [
        Trial(number, 1, arm, 0.0, 4.0, evidence=LoadEvidence(slices=tuple(own)))
        for arm, own in slices.items()
    ]


def run(arms: list[str], left_by_a: float, blocks: int = 8, seed: int = 1) -> list[Trial]:
    return [trial for number in range(blocks) for trial in block(number, arms, left_by_a, seed)]


def test_work_left_behind_is_found_by_whom_it_hits() -> None:
    found = {each.arm: each for each in carry_over_by_arm(run(["a", "b"], 0.15), MARGINS)}
    assert found["b"].is_significant
    assert found["b"].found.change < -0.08  # slower after `a` than after `b`
    assert found["a"].is_significant
    assert found["a"].found.change > 0.05  # after `a` it is slowed down by itself


def test_equal_arms_have_none() -> None:
    alarms = sum(
        any(
            each.is_significant
            for each in carry_over_by_arm(run(["a", "b", "c"], 0.0, seed=seed), MARGINS)
        )
        for seed in range(100)
    )
    assert alarms <= 4


def test_trials_without_slices_are_left_out() -> None:
    whole = Trial(1, 1, "a", 0.0, 4.0, evidence=LoadEvidence())
    assert carry_over_by_arm([whole, Trial(1, 2, "b", 0.0, 4.0)], MARGINS) == ()
    assert carry_over_by_arm(block(1, ["a"], 0.0), MARGINS) == ()


def test_what_one_arm_does_in_the_slices_of_others_is_found_over_all_blocks() -> None:
    def used(trials: list[Trial], arm: str, share: float) -> list[Trial]:
        """The others use this share of a core in the slices of an arm."""
        return [
            replace(
                each,
                evidence=replace(
                    each.evidence,
                    slices=tuple(
                        replace(one, others_cpu_s=share * one.took_s)
                        for one in each.evidence.slices
                    ),
                ),
            )
            if each.arm == arm and isinstance(each.evidence, LoadEvidence)
            else each
            for each in trials
        ]

    first, second = run(["a", "b"], 0.0, blocks=1), block(1, ["a", "b"], 0.0)
    assert uneven_arm(first, MARGINS) is None
    once = used(first, "a", 0.03)
    found = uneven_arm(once, MARGINS)
    assert found is not None
    assert found[0] == "a"
    assert "used 0.03 cores, and 0.00 while arm b was (limit 0.02 apart)" in found[1]
    assert uneven_arm([*once, *second], MARGINS) is None  # .015: it did not last
    assert uneven_arm([*once, *used(second, "a", 0.03)], MARGINS) is not None
    assert uneven_arm(used(once, "b", 0.02), MARGINS) is None  # all arms do so


def in_order(arms: str) -> list[Trial]:
    """A block whose slices have this order."""
    requests = {ORDERS: SliceRequests(1000, 0, 0.01)}
    slices: dict[str, list[LoadSlice]] = {arm: [] for arm in arms}
    for position, arm in enumerate(arms, 1):
        slices[arm].append(LoadSlice(position, 1.0, 1.0, 0.0, 1.25, 0.0, requests, {}, {}))
    return [
        Trial(1, 1, arm, 0.0, 4.0, evidence=LoadEvidence(slices=tuple(own)))
        for arm, own in slices.items()
    ]


def test_arms_that_seldom_follow_themselves_are_named() -> None:
    few = in_order("abba" * 2)
    assert carry_over_by_arm(few, MARGINS) == ()
    assert untested_arms(few) == {"a": (2, 1), "b": (2, 2)}
    enough = in_order("abba" * 12)
    assert {each.arm for each in carry_over_by_arm(enough, MARGINS)} == {"a", "b"}
    assert untested_arms(enough) == {}
    whole = Trial(1, 1, "a", 0.0, 4.0, evidence=LoadEvidence())
    assert untested_arms([whole]) == {}
