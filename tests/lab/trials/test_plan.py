"""Plans: random orders from a seed, and their form on disk."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from lab.decision_margins import BEFORE_SEALED, DecisionMargins, GateLimits
from lab.hypothesis import SLICE_S, Benchmark, Step, Sweep
from lab.trials.plan import (
    FIRST_LOOK,
    LAST_LOOK,
    MIN_LAUNCHES,
    DetectableSlope,
    Plan,
    PlannedSlices,
)
from tests.lab.builders import PROJECT, SHIPPED, plan, with_load

RECORDED = sorted((PROJECT / "tests" / "recorded").glob("*/plan.json"))


def test_every_block_holds_every_arm_once() -> None:
    for order in plan().orders:
        assert sorted(step.arm for step in order) == sorted(SHIPPED.arms)


def test_the_seed_alone_decides_the_order() -> None:
    assert plan(seed=5).orders == plan(seed=5).orders
    assert plan(seed=5).orders != plan(seed=6).orders


def test_there_are_spare_orders_for_voided_blocks() -> None:
    made = plan()
    assert len(made.orders) >= LAST_LOOK + made.voids_allowed
    assert made.first_look == FIRST_LOOK < made.last_look == LAST_LOOK


def test_orders_are_random_not_rotated() -> None:
    firsts = Counter(plan(seed=seed).orders[0][0].arm for seed in range(400))
    # each arm leads about a quarter of the plans: 100 of 400, standard deviation 8.7
    assert all(60 < firsts[arm] < 140 for arm in SHIPPED.arms)


def test_a_plan_is_read_as_it_was_written() -> None:
    assert Plan.from_dict(plan().as_dict()) == plan()


def test_the_levels_of_a_plan_are_read_as_they_were_written() -> None:
    """1000/min is no decimal of a second: blocks of another level would be none of the plan's."""
    levels = (1000 / 60, 0.1, 50.0, 1e7 / 60)
    swept = plan(with_load(SHIPPED, Sweep("rate", levels, "poisson")))
    assert {step.level for step in swept.orders[0]} == set(levels)
    assert Plan.from_dict(json.loads(json.dumps(swept.as_dict()))).orders == swept.orders
    assert str(Step("a", 50.0)) == "a at 50"


def test_the_plan_of_a_soak_keeps_what_is_detectable() -> None:
    found = DetectableSlope("rss_bytes", "with - without", "at least 5 MB/h", 2e6, "a guess", True)
    soak = replace(plan(), length_s=3600.0, detectable=(found,))
    assert Plan.from_dict(json.loads(json.dumps(soak.as_dict()))) == soak


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.parent.name)
def test_a_recorded_plan_is_written_as_it_was_with_the_margins_of_its_time(file: Path) -> None:
    data = json.loads(file.read_text(encoding="utf-8"))
    assert data["schema"] == "lab.plan/1"
    again = Plan.from_dict(data).as_dict()
    assert again.pop("margins") == BEFORE_SEALED.as_dict()
    again |= {"schema": "lab.plan/1"}
    assert json.dumps({key: again.pop(key) for key in data}) == json.dumps(data)
    assert not any(again.values()), "keys that came after the plan"


def test_a_plan_seals_every_margin() -> None:
    strict = DecisionMargins(gates=GateLimits(max_steal=0.02), blocks_per_void=6)
    sealed = replace(plan(), margins=strict)
    data = json.loads(json.dumps(sealed.as_dict()))
    assert data["schema"] == "lab.plan/2"
    assert data["margins"]["gates"]["max_steal"] == 0.02
    assert Plan.from_dict(data) == sealed
    assert (plan().voids_allowed, sealed.voids_allowed) == (4, 2)


def test_a_sweep_tries_every_arm_at_every_level_in_every_block() -> None:
    swept = with_load(SHIPPED, Sweep("users", (1.0, 8.0, 0.5)))
    made = plan(swept)
    for order in made.orders:
        assert sorted(order) == sorted(Step(arm, n) for arm in SHIPPED.arms for n in (0.5, 1, 8))
    assert Plan.from_dict(made.as_dict()) == made


def test_a_benchmark_has_launches_of_every_step_whose_slices_fill_its_window() -> None:
    benchmark = replace(SHIPPED, kind=Benchmark("min", window_s=0.9, budget_s=600.0))
    made = plan(benchmark, seed=3)
    for order in made.orders:
        for launch in (order[: len(SHIPPED.arms)], order[len(SHIPPED.arms) :]):
            assert sorted(step.arm for step in launch) == sorted(SHIPPED.arms)
    assert made.trials_of_each_step == MIN_LAUNCHES == 2
    assert made.slices == PlannedSlices(SLICE_S, 30)
    assert Plan.from_dict(json.loads(json.dumps(made.as_dict()))) == made
    short = replace(SHIPPED, kind=Benchmark("min", window_s=0.02, budget_s=600.0))
    assert plan(short).slices == PlannedSlices(SLICE_S, 15)  # together enough for a median
    assert (plan().slices, plan().trials_of_each_step) == (None, 1)


@pytest.mark.parametrize(
    ("window_s", "launches", "slices"),
    [(2.5, 2, 84), (3.0, 3, 67), (4.5, 4, 75), (5.0, 5, 67), (60.0, 5, 800)],
)
def test_a_long_window_of_a_benchmark_has_more_launches(
    window_s: float, launches: int, slices: int
) -> None:
    made = plan(replace(SHIPPED, kind=Benchmark("min", window_s=window_s, budget_s=9e3)))
    assert made.trials_of_each_step == launches
    assert made.slices == PlannedSlices(SLICE_S, slices)


def test_one_block_counts_if_it_has_two_processes_of_each_step() -> None:
    benchmark = plan(replace(SHIPPED, kind=Benchmark("min", window_s=0.9, budget_s=600.0)))
    half = tuple(order[: len(SHIPPED.arms)] for order in benchmark.orders)
    assert benchmark.blocks_for_a_count == 1
    assert replace(benchmark, orders=half).blocks_for_a_count == 2  # as runs had it before
