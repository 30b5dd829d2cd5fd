"""The value of an arm in each block."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from lab.analysis.block_values import ValuesByArm, values_over_blocks, values_together
from lab.decision_margins import DecisionMargins
from lab.hypothesis import Benchmark, Bound, Comparison, Parameter, Prediction, Step
from lab.trials.block_grouping import Block
from lab.trials.trial import BenchmarkEvidence, Slice, Timing, Trial
from tests.default_margins import block_values
from tests.lab.builders import SHIPPED, trial

BOUND = Bound(at_least=1.0)
LEVEL = Prediction("", "throughput", BOUND, arm="narrow")
RATIO = Prediction("", "throughput", BOUND, compare=Comparison("wide", "narrow"))
TIME = Prediction("", "time", BOUND, arm="narrow")
COUNT = Prediction("", "statements", BOUND, arm="narrow", count="statements")


def load_block(**rates: float) -> Block:
    return {Step(arm): (trial(arm, rate),) for arm, rate in rates.items()}


def over_blocks(prediction: Prediction, blocks: Sequence[Block]) -> ValuesByArm | None:
    found = [block_values(SHIPPED, prediction, block) for block in blocks]
    return values_over_blocks(prediction, found)


def process(seconds: float, counts: Mapping[str, int] | None = None) -> Trial:
    timing = Timing("min", 5, 1, seconds, seconds)
    return Trial(1, 1, "narrow", 0.0, 1.0, evidence=BenchmarkEvidence(timing, counts or {}))


def test_every_arm_has_a_value_per_block() -> None:
    blocks = [load_block(wide=200, narrow=100), load_block(wide=220, narrow=110)]
    assert over_blocks(RATIO, blocks) == {"wide": [200, 220], "narrow": [100, 110]}
    assert over_blocks(LEVEL, blocks) == {"narrow": [100, 110]}


def test_without_evidence_in_one_block_there_are_no_values() -> None:
    blocks = [load_block(wide=200, narrow=100), load_block(wide=0, narrow=110)]
    assert over_blocks(RATIO, blocks) is None
    assert over_blocks(LEVEL, blocks) == {"narrow": [100, 110]}


def test_repeats_are_averaged_and_compared_by_their_logarithms() -> None:
    block = {Step("narrow"): (process(1.0), process(4.0)), Step("wide"): (process(2.0),)}
    assert over_blocks(TIME, [block]) == {"narrow": [2.5]}
    compared = replace(TIME, arm=None, compare=Comparison("wide", "narrow"))
    values = over_blocks(compared, [block])
    assert values == {"wide": [2], "narrow": [pytest.approx(math.sqrt(4))]}


def test_a_count_must_be_the_same_in_every_repeat() -> None:
    equal = {Step("narrow"): (process(1, {"statements": 3}), process(2, {"statements": 3}))}
    unequal = {Step("narrow"): (process(1, {"statements": 3}), process(2, {"statements": 4}))}
    missing = {Step("narrow"): (process(1), process(2))}
    assert over_blocks(COUNT, [equal]) == {"narrow": [3]}
    assert over_blocks(COUNT, [unequal]) is None
    assert over_blocks(COUNT, [missing]) is None


# --- measured in turn ----------------------------------------------------------------------


def sliced(*values: float, group: int = 1, size: float | None = None, launch: int = 1) -> Trial:
    """A process whose slices have these values; its level is their median."""
    timing = Timing("median", 5, 1, min(values), statistics.median(values))
    slices = tuple(Slice(place, 1, value, value) for place, value in enumerate(values, 1))
    evidence = BenchmarkEvidence(timing, slices=slices, group=group)
    return Trial(1, 1, "narrow", 0.0, 1.0, size, launch, evidence)


def test_arms_that_were_measured_in_turn_are_compared_round_by_round() -> None:
    """The machine halves its speed after the first of three rounds."""
    block: Block = {
        Step("narrow"): (sliced(1.0, 2.0, 2.0),),
        Step("wide"): (sliced(1.5, 3.0, 9.0),),
    }
    compared = replace(TIME, arm=None, compare=Comparison("wide", "narrow"))
    values = over_blocks(compared, [block])
    assert values is not None
    assert values["wide"][0] / values["narrow"][0] == pytest.approx(1.5)
    assert values["narrow"] == [2.0]
    assert over_blocks(replace(TIME, arm="wide"), [block]) == {"wide": [3.0]}


def test_launches_are_paired_with_each_other_and_averaged_by_their_logarithms() -> None:
    """Only the second process of `wide` was launched in a slow state."""
    block: Block = {
        Step("narrow"): (sliced(1.0, 2.0, 2.0), sliced(4.0, 2.0, 4.0, launch=2)),
        Step("wide"): (sliced(6.0, 3.0, 6.0, launch=2), sliced(1.0, 2.0, 9.0)),
    }
    compared = replace(TIME, arm=None, compare=Comparison("wide", "narrow"))
    values = over_blocks(compared, [block])
    assert values is not None
    assert values["wide"][0] / values["narrow"][0] == pytest.approx(math.sqrt(1.0 * 1.5))
    assert values["narrow"] == [pytest.approx(math.sqrt(2.0 * 4.0))]
    assert over_blocks(TIME, [block]) == {"narrow": [3.0]}


def test_one_slow_launch_of_five_is_left_out_of_a_ratio_but_counts_together() -> None:
    """The third process of `wide` is half as fast."""
    times = (1.5, 1.5, 3.0, 1.5, 1.5)
    block: Block = {
        Step("narrow"): tuple(sliced(1.0, 2.0, launch=n) for n in range(1, 6)),
        Step("wide"): tuple(sliced(f, 2 * f, launch=n) for n, f in enumerate(times, 1)),
    }
    compared = replace(TIME, arm=None, compare=Comparison("wide", "narrow"))
    hypothesis = replace(SHIPPED, kind=Benchmark("median", 5.0, 60.0))
    values = block_values(hypothesis, compared, block)
    together = values_together(hypothesis, compared, block, DecisionMargins())
    assert values["wide"] is not None and values["narrow"] is not None
    assert values["wide"] / values["narrow"] == pytest.approx(1.5)
    assert together["wide"] is not None and together["narrow"] is not None
    assert together["wide"] / together["narrow"] == pytest.approx(1.5 * 2 ** (1 / 5))


def test_counts_of_processes_that_were_measured_in_turn_are_compared_as_they_are() -> None:
    def counting(count: int, *values: float) -> Trial:
        found = sliced(*values)
        assert isinstance(found.evidence, BenchmarkEvidence)
        return replace(found, evidence=replace(found.evidence, counts={"statements": count}))

    block: Block = {
        Step("narrow"): (counting(4, 1.0, 2.0),),
        Step("wide"): (counting(8, 3.0, 6.0),),
    }
    compared = replace(COUNT, arm=None, compare=Comparison("wide", "narrow"))
    assert over_blocks(compared, [block]) == {"narrow": [4], "wide": [8]}


def test_processes_of_different_groups_have_no_neighbouring_slices() -> None:
    block: Block = {
        Step("narrow"): (sliced(1.0, 2.0, 2.0),),
        Step("wide"): (sliced(1.0, 3.0, 9.0, group=2),),
    }
    compared = replace(TIME, arm=None, compare=Comparison("wide", "narrow"))
    assert over_blocks(compared, [block]) == {"narrow": [2.0], "wide": [3.0]}


def test_a_growth_is_fitted_to_ratios_to_the_smallest_size() -> None:
    """The machine is at half of its speed for some of the rounds."""
    sizes, speeds = (1.0, 4.0, 16.0, 64.0), (1.0, 1.0, 2.0, 2.0, 2.0)
    parameter = Parameter("n", sizes)
    kind = Benchmark("median", 0.1, 60.0, parameter=parameter)
    hypothesis = replace(SHIPPED, kind=kind)
    block: Block = {
        Step("narrow", size): (sliced(*(speed * (1 + size) for speed in speeds), size=size),)
        for size in sizes
    }
    linear, constant = (replace(TIME, grows=grows) for grows in ("linear", "constant"))
    assert block_values(hypothesis, linear, block)["narrow"] == pytest.approx(1.0, abs=1e-2)
    assert block_values(hypothesis, constant, block)["narrow"] == pytest.approx(65 / 2)
