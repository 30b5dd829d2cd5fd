"""Margins: sealed with a plan, and those of their time in a plan without them."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from lab.decision_margins import (
    BEFORE_SEALED,
    DecisionMargins,
    GateLimits,
    GrowthMargins,
    MeasureMargins,
)
from lab.experiment import sealed_hypothesis, verdict_of
from lab.gates import inspect
from lab.hypothesis import Bound
from lab.reporting.sections.gates import gates_section
from lab.reporting.trials_of_run import RunTrials
from lab.runs.run_folder import RunFolder, RunFolderError
from lab.stats.margins import SlopeMargins, SweepMargins
from lab.verdict.rule import judge
from tests.lab.builders import PROJECT, SHIPPED, blocks, claim, plan, ratio, trial

RECORDED = PROJECT / "tests" / "recorded"
AT_FIRST: dict[str, Any] = {
    "gates": {
        "max_ticker_late_s": 0.005,
        "max_ticker_late_share": 0.05,
        "max_driver_cpu": 0.9,
        "max_other_cpu": 0.25,
        "max_other_cpu_in_slices": 0.25,
        "max_steal": 0.1,
        "max_soak_background": 0.5,
        "max_unsent": 0.01,
        "served_tolerance": 0.25,
        "min_driven": 20,
        "max_tries": 4,
        "littles_law_tolerance": 0.1,
        "max_idle_arms_cpu": 0.1,
        "max_clock_error_s": 0.05,
        "max_clock_error_share": 0.02,
        "max_begin_late_s": 0.05,
        "min_script_share": 0.0,
    },
    "measures": {
        "min_beyond": 10,
        "recovered_factor": 1.5,
        "steady_s": 3,
        "quantile_accuracy": 0.0,
        "share_bound": 0.0,
        "counting_time": 0.0,
        "min_below": 0,
        "recovered_second": 0.0,
        "counted_tail": 0.0,
        "equal_values": 0.0,
        "missing_arrivals": 0.0,
        "max_unread": 1.0,
        "whole_pages": 0.0,
    },
    "growth": {
        "linear": [0.8, 1.25],
        "quadratic": [1.8, 2.2],
        "max_constant_factor": 1.2,
        "min_growing_factor": 1.5,
    },
    "sweep": {
        "pass_factor": 1.5,
        "plateau": 0.9,
        "max_misfit": 0.1,
        "max_missing": 0.25,
        "keeps_up": 0.95,
        "min_slowdown": 0.0,
        "max_fall": 1.0,
        "without_wait": 0.0,
        "usual_errors": 0.0,
        "unqueued_users": 1.0,
        "unqueued_rate": 1.0,
    },
    "slope": {
        "dropped_share": 1 / 3,
        "bins": 24,
        "bins_per_cosine": 4,
        "min_bins": 8,
        "curvature_tail": 0.05,
        "min_final_slope": 0.5,
        "min_third": 0.3,
        "max_missing": 1.0,
    },
    "slices": {
        "cycles": 10,
        "min_slice_s": 0.05,
        "min_rounds": 4,
        "carry_over_level": 0.01,
        "min_carry_over": 0.01,
        "max_idle_difference": 0.02,
        "min_own_time": 0.8,
        "max_scatter": 0.0,
        "calm_slice_s": 0.2,
    },
    "blocks_per_void": 3,
    "fresh_within": 1.25,
    "final_if_judged": 0,
}


def other(margins: Any) -> Any:
    """Margins of which none is a default."""
    if is_dataclass(margins):
        parts = {each.name: other(getattr(margins, each.name)) for each in fields(margins)}
        return replace(margins, **parts)  # type: ignore[type-var]
    return tuple(map(other, margins)) if isinstance(margins, tuple) else margins * 2


def copied(name: str, folder: Path, **margins: Any) -> RunFolder:
    """A copy of a recorded run whose plan seals these margins."""
    run_folder = RunFolder(folder)
    for file in sorted((RECORDED / name).rglob("*.*")):
        target = folder / file.relative_to(RECORDED / name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
    sealed = replace(run_folder.plan(), margins=DecisionMargins(**margins))
    run_folder.write_json("plan.json", sealed.as_dict())
    return run_folder


def outcomes(run_folder: RunFolder) -> list[str]:
    sealed = run_folder.plan()
    verdict = verdict_of(run_folder, sealed_hypothesis(run_folder, sealed, PROJECT), sealed)
    return [each.outcome for each in verdict.predictions]


def test_margins_before_they_were_sealed_never_change() -> None:
    assert json.loads(json.dumps(BEFORE_SEALED.as_dict())) == AT_FIRST
    assert DecisionMargins.from_dict({}) == BEFORE_SEALED


def test_margins_are_read_as_they_were_written() -> None:
    made = other(DecisionMargins())
    assert made.gates.max_steal == 0.2 and made.growth.linear == (1.6, 2.5)
    assert DecisionMargins.from_dict(json.loads(json.dumps(made.as_dict()))) == made


def test_a_margin_that_a_plan_lacks_is_that_of_its_time() -> None:
    found = DecisionMargins.from_dict({"gates": {"max_steal": 0.02}})
    assert found == replace(BEFORE_SEALED, gates=replace(BEFORE_SEALED.gates, max_steal=0.02))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"gates": {"max_heat": 1}}, "knows no margin gates.max_heat"),
        ({"shares": {}}, "knows no margin shares"),
        ({"gates": {"max_steal": "0.1"}}, "the margin gates.max_steal is '0.1'"),
        ({"growth": {"linear": [0.8]}}, r"the margin growth.linear is \[0.8\]"),
        ({"sweep": 3}, "the margins sweep are no object"),
        (None, "the margins are no object"),
    ],
)
def test_a_margin_that_is_not_known_is_refused_by_name(
    data: Any, problem: str, tmp_path: Path
) -> None:
    run_folder = copied("made-up-growth", tmp_path)
    run_folder.write_json("plan.json", run_folder.plan().as_dict() | {"margins": data})
    with pytest.raises(RunFolderError, match=rf"plan\.json: not a plan \(.*{problem}\)"):
        run_folder.plan()


def test_a_growth_is_judged_by_the_band_of_its_own_plan(tmp_path: Path) -> None:
    assert outcomes(copied("made-up-growth", tmp_path / "as-planned")) == ["supported"]
    narrow = copied("made-up-growth", tmp_path / "narrow", growth=GrowthMargins(linear=(0.1, 0.2)))
    assert outcomes(narrow) == ["contradicted"]
    sealed = sealed_hypothesis(narrow, narrow.plan(), PROJECT)
    assert sealed.predictions[0].bound == Bound(within=(0.1, 0.2))
    flat = copied("made-up-growth", tmp_path / "f", growth=GrowthMargins(max_constant_factor=1e9))
    assert "supported" not in outcomes(flat), "no time grows by that much"


def test_a_sweep_is_judged_by_the_margins_of_its_own_plan(tmp_path: Path) -> None:
    equal = MeasureMargins(equal_values=0)  # its blocks are
    planned = outcomes(copied("made-up-sweep", tmp_path / "as-planned", measures=equal))
    assert "undecided" not in planned
    strict = SweepMargins(pass_factor=1e6, max_misfit=1e-9)
    changed = copied("made-up-sweep", tmp_path / "strict", measures=equal, sweep=strict)
    assert outcomes(changed) != planned


def test_a_slope_is_judged_by_the_shape_of_its_own_plan(tmp_path: Path) -> None:
    assert set(outcomes(copied("made-up-leak", tmp_path / "as-planned"))) == {"supported"}
    strict = copied("made-up-leak", tmp_path / "strict", slope=SlopeMargins(min_third=5.0))
    assert "undecided" in outcomes(strict)


def test_a_quantile_needs_the_samples_of_its_own_plan() -> None:
    hypothesis = claim(replace(ratio(2.5), measure="latency_p95", bound=Bound(at_most=2.0)))
    trials = blocks({"narrow": [100.0] * 4, "wide": [100.0] * 4})
    assert judge(hypothesis, plan(), trials).predictions[0].estimate is not None
    more = replace(plan(), margins=DecisionMargins(measures=MeasureMargins(min_beyond=1000)))
    assert judge(hypothesis, more, trials).predictions[0].estimate is None


def test_a_trial_is_trusted_by_the_limits_of_its_own_plan() -> None:
    busy = trial("narrow", 100, other_cpu=0.4)
    assert [f.gate for f in inspect(busy, SHIPPED, margins=DecisionMargins()).faults] == [
        "other_cpu"
    ]
    wide = DecisionMargins(gates=GateLimits(max_other_cpu=0.5))
    assert inspect(busy, SHIPPED, margins=wide).trusted


def test_the_table_of_gates_shows_the_limits_of_the_plan() -> None:
    seen = inspect(trial("narrow", 100), SHIPPED, margins=DecisionMargins())
    sealed = replace(plan(), margins=DecisionMargins(gates=GateLimits(max_steal=0.03)))
    table = gates_section(RunTrials.sort(SHIPPED, sealed, [seen]), 0).table
    assert [says for gate, says, *_ in table.rows if gate == "steal"] == [
        "the hypervisor took at most 3% of the cores of the run"
    ]
