from __future__ import annotations

from dataclasses import replace

import pytest

from lab.hypothesis import Step
from lab.trials.block_grouping import group_trials
from lab.trials.plan import Plan
from lab.trials.trial import Fault, LoadSlice, Trial
from tests.lab.builders import SHIPPED, altered, blocks, plan, trial

TWO = blocks({"narrow": [100.0, 101.0]})
SLICE = LoadSlice(1, 1.0, 1.0, 0.0, 1.25, 0.0, {}, {}, {})


def test_a_block_has_the_trials_of_each_step() -> None:
    found = group_trials(TWO, plan())
    assert len(found.complete) == 2
    assert not found.voided
    first = found.complete[0]
    assert set(first) == {Step(arm) for arm in SHIPPED.arms}
    assert first[Step("narrow")] == (trial("narrow", 100.0, block=1),)


def test_blocks_are_in_order_whatever_the_order_of_the_trials() -> None:
    assert group_trials(TWO[::-1], plan()).complete == group_trials(TWO, plan()).complete


def test_an_unfinished_block_is_neither_complete_nor_voided() -> None:
    found = group_trials(TWO[:-1], plan())
    assert (len(found.complete), found.voided) == (1, ())


def test_a_fault_voids_its_block_even_if_it_is_unfinished() -> None:
    busy = Fault("other_cpu", "busy")
    spoiled = [*TWO[:-2], replace(TWO[-2], faults=(busy,))]
    found = group_trials(spoiled, plan())
    assert (len(found.complete), found.voided) == (1, ((busy,),))


def test_a_step_has_as_many_trials_as_planned() -> None:
    repeated: Plan = replace(plan(), orders=((Step("narrow"), Step("narrow")),))
    trials = [trial("narrow", 100.0), trial("narrow", 101.0)]
    assert not group_trials(trials[:1], repeated).complete
    (block,) = group_trials(trials, repeated).complete
    assert block == {Step("narrow"): tuple(trials)}


BUSY = Fault("other_cpu", "busy")
CARRIED = Fault("carry_over", "something was left")


def in_slices(block: int, slices: int, *faults: Fault) -> list[Trial]:
    """A block whose windows were cut into so many; 0: whole windows."""
    return [
        altered(trial(arm, 100.0, block=block), slices=(SLICE,) * slices, faults=faults)
        for arm in SHIPPED.arms
    ]


FIVE = [each for block in range(1, 6) for each in in_slices(block, 20)]


@pytest.mark.parametrize(
    ("sixth", "counted"),
    [
        (in_slices(6, 20), [1, 2, 3, 4, 5, 6]),
        (in_slices(6, 20, CARRIED), []),  # also if nothing follows in longer ones
        (in_slices(6, 7, CARRIED), []),  # it ended early
        (in_slices(6, 7, BUSY), [1, 2, 3, 4, 5]),
        (in_slices(6, 10), [6]),
        (in_slices(6, 0), [6]),
        (in_slices(6, 0, BUSY), []),
        (in_slices(6, 0)[:1], []),  # unfinished
    ],
)
def test_blocks_in_slices_that_turned_out_to_be_too_short_do_not_count(
    sixth: list[Trial], counted: list[int]
) -> None:
    found = group_trials([*FIVE, *sixth], plan()).complete
    assert [block[Step("narrow")][0].block for block in found] == counted


def test_blocks_in_longer_slices_count_after_a_void_one() -> None:
    trials = [*FIVE, *in_slices(6, 20, CARRIED), *in_slices(7, 10), *in_slices(8, 10, BUSY)]
    found = group_trials(trials, plan())
    assert [block[Step("narrow")][0].block for block in found.complete] == [7]
    assert len(found.voided) == 2


def test_a_block_that_one_in_fewer_slices_follows_was_in_too_short_ones() -> None:
    trials = [altered(each, slices=(SLICE,) * (20 if each.block == 1 else 10)) for each in TWO]
    found = group_trials(trials, plan())
    assert [block[Step("narrow")][0].block for block in found.complete] == [2]
    assert [block[Step("narrow")][0].block for block in found.too_short] == [1]
    assert group_trials(TWO, plan()).too_short == ()
