"""Bounds that no block can decide, since a gate voids every block that would."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.hypothesis import Hypothesis, HypothesisError, loads
from tests.lab.documents import BASES
from tests.lab.hypothesis.examples import GOOD

WAITING = "measure: pool_wait_share\n    arm: narrow\n    at_least: 0.7"
OF_ORDERS = 'error_rate{name="/orders"}'
LIMITED = "limits: {target_cpu: 0.75}"
STAGES = "{arrivals: poisson, stages: [{name: calm, rate: 50, for: 2s}, {rate: 90, for: 2s}]}"
DURING_CALM = GOOD.replace("{users: 50}", STAGES).replace(
    WAITING, "measure: error_rate\n    arm: narrow\n    during: calm\n    at_most: 5%"
)


def predicting(measure: str, bound: str, conditions: str, of: str = "arm: narrow") -> str:
    """The good file with another prediction, and other conditions of a trusted trial."""
    assert WAITING in GOOD
    text = GOOD.replace(WAITING, f"measure: {measure}\n    {of}\n    {bound}")
    return text.replace("allow: {error_rate: 0.0}", conditions)


def read(text: str, project: Path, *, sealed: bool = False) -> Hypothesis:
    return loads(text, Path("pool-exhaustion.md"), project, sealed=sealed)


def refusal(text: str, project: Path) -> HypothesisError:
    with pytest.raises(HypothesisError) as caught:
        read(text, project)
    return caught.value


@pytest.mark.parametrize(
    ("measure", "bound", "conditions", "highest"),
    [
        ("error_rate", "at_most: 1%", "", "0"),
        ("error_rate", "at_least: 5%", "allow: {error_rate: 0.0}", "0"),
        ("error_rate", "at_least: 5%", "allow: {error_rate: 5%}", "0.05"),
        ("error_rate", "within: [1%, 5%]", "allow: {error_rate: 2%}", "0.02"),
        (OF_ORDERS, "at_most: 1%", "", "0"),
        ("cpu", "at_least: 80%", LIMITED, "0.75"),
        ("cpu", "at_most: 80%", LIMITED, "0.75"),
    ],
)
def test_a_bound_that_only_void_blocks_reach_is_refused_unless_it_is_sealed(
    project: Path, measure: str, bound: str, conditions: str, highest: str
) -> None:
    text = predicting(measure, bound, conditions)
    error = refusal(text, project)
    assert error.line == 29
    assert error.problem.startswith(f"{measure} of narrow is at most {highest} in every block that")
    assert error.problem.endswith(" decides nothing")
    assert read(text, project, sealed=True).predictions[2].measure == measure


@pytest.mark.parametrize(
    ("measure", "bound", "conditions"),
    [
        ("error_rate", "at_most: 1%", "allow: {error_rate: 100%}"),
        ("error_rate", "at_least: 99%", "allow: {error_rate: 100%}"),
        ("error_rate", "at_least: 1%", "allow: {error_rate: 2%}"),
        (OF_ORDERS, "at_most: 5%", "allow: {error_rate: 1%}"),  # few of all, and many of these
        ("cpu", "at_least: 70%", LIMITED),
        ("cpu", "at_least: 80%", ""),
    ],
)
def test_a_bound_that_blocks_can_meet_and_miss_is_read(
    project: Path, measure: str, bound: str, conditions: str
) -> None:
    read(predicting(measure, bound, conditions), project)


def test_a_ratio_is_not_what_a_gate_limits(project: Path) -> None:
    read(predicting("cpu", "at_least: 2", LIMITED, of="compare: wide / narrow"), project)


def test_a_rival_that_could_never_stand_is_refused(project: Path) -> None:
    helps = "measure: throughput\n    compare: more-pricing / narrow\n    at_least: 1.2"
    assert helps in GOOD
    fails = "measure: error_rate\n    arm: more-pricing\n    at_least: 5%"
    error = refusal(GOOD.replace(helps, fails), project)
    assert error.problem == (
        "error_rate of more-pricing is at most 0 in every block that counts, so that a bound "
        "at least 0.05 decides nothing"
    )
    assert error.remedy.startswith("Write `allow: {error_rate: 100%}`")


def test_a_stage_may_have_more_errors_than_all_together_if_any_are_allowed(project: Path) -> None:
    assert refusal(DURING_CALM, project).problem.startswith("error_rate of narrow during calm is")
    read(DURING_CALM.replace("error_rate: 0.0", "error_rate: 1%"), project)


def test_errors_of_a_crash_that_is_allowed_are_measured_and_excused(project: Path) -> None:
    text = BASES["soak"].replace("soak_reconnects", "soak_orders")
    grows = "slope: rooms, compare: with - without, at_least: 600/min"
    assert grows in text
    text = f"---\n{text.replace(grows, 'measure: error_rate, arm: with, at_most: 5%')}---\n"
    read(text, project)
    error = refusal(text.replace("crash: true", "crash: false"), project)
    assert error.problem.startswith("error_rate of with is at most 0.01 in every block")
