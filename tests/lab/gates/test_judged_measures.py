"""Blocks are not chosen by what is judged: what voids them for it ends the run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.decision_margins import BEFORE_SEALED
from lab.hypothesis import (
    Allow,
    Bound,
    Comparison,
    Hypothesis,
    Limits,
    OpenLoad,
    Prediction,
    Rival,
    Stage,
)
from lab.system import DRIVER
from lab.trials.trial import Fault, LoadSlice, Requests, Trial, Usage
from tests.default_margins import MARGINS, inspect
from tests.lab.builders import ON_TIME, ORDERS, altered, claim, ratio, trial, with_load

FEW_FAIL = Prediction("few fail", "error_rate", Bound(at_most=0.015), arm="narrow")
QUICK = Prediction("it is quick", "latency_p99", Bound(at_most=1.0), arm="narrow")
LITTLE = Prediction("it uses little", "cpu", Bound(at_most=0.7), arm="narrow")


def failing(arm: str = "narrow", **changes: object) -> Trial:
    """A twentieth of the requests fail."""
    made = trial(arm, 100)
    requests = {ORDERS: replace(made.service.requests[ORDERS], errors=20)}
    return altered(made, requests=requests, errors={"503 busy": 20}, **changes)


def lenient(*predictions: Prediction, rival: Prediction | None = None) -> Hypothesis:
    """A claim that allows an error in fifty."""
    rivals = () if rival is None else (Rival("they fail", rival),)
    return replace(claim(*predictions, rivals=rivals), allow=Allow(error_rate=0.02))


def fault_of(made: Trial, hypothesis: Hypothesis, gate: str) -> Fault:
    (fault,) = [each for each in inspect(made, hypothesis).faults if each.gate == gate]
    return fault


def test_errors_that_are_judged_end_the_run_and_say_why() -> None:
    fault = fault_of(failing(block=3), lenient(FEW_FAIL), "errors")
    assert not fault.retryable
    assert fault.message == (
        "5.00% of the requests to arm narrow failed (allowed 2.00%): 503 busy. Block 3 is not "
        "repeated: error_rate of narrow is what is judged, and if the blocks with many errors were "
        "repeated, the others alone would decide. Write `allow: {error_rate: 100%}`: then every "
        "block counts, however many fail."
    )
    assert inspect(failing(), replace(lenient(FEW_FAIL), allow=Allow(error_rate=1.0))).trusted


@pytest.mark.parametrize(
    ("arm", "hypothesis", "is_final"),
    [
        ("narrow", lenient(ratio(2.5), rival=FEW_FAIL), True),
        ("narrow", lenient(replace(FEW_FAIL, measure='error_rate{name="/orders"}')), True),
        ("narrow", lenient(ratio(2.5)), False),
        ("wide", lenient(ratio(2.5), FEW_FAIL), False),
        ("narrow", lenient(ratio(2.5), replace(FEW_FAIL, at=8.0)), False),  # at another level
    ],
)
def test_errors_that_are_not_judged_of_this_trial_are_repeated(
    arm: str, hypothesis: Hypothesis, is_final: bool
) -> None:
    fault = fault_of(failing(arm), hypothesis, "errors")
    assert fault.retryable is not is_final
    assert ("is not repeated" in fault.message) is is_final


def test_too_few_samples_end_the_run_and_say_how_many_are_needed() -> None:
    fault = fault_of(trial("narrow", 237.5, block=2), claim(QUICK), "evidence")
    assert not fault.retryable
    assert fault.message == (
        "No evidence for latency_p99 of arm narrow: too few samples (950). Block 2 is not "
        "repeated: latency_p99 of narrow is what is judged, and if the blocks with too few "
        "samples, of a fixed number of users the slow ones, were repeated, the others alone would "
        "decide. Lengthen `window`, or use more users or a higher rate; latency_p99 needs 1,000 "
        "samples in every block."
    )
    assert inspect(trial("narrow", 250), claim(QUICK)).trusted
    assert inspect(trial("wide", 100), claim(QUICK)).trusted


def test_a_window_without_a_request_ends_the_run_if_requests_are_judged() -> None:
    fault = fault_of(trial("narrow", 0), claim(ratio(2.5)), "errors")
    assert not fault.retryable
    assert "throughput of narrow is what is judged" in fault.message
    assert fault_of(trial("narrow", 0), claim(LITTLE), "errors").retryable


def test_a_processor_that_is_judged_is_not_chosen_by_its_limit() -> None:
    busy = altered(trial("narrow", 100), usage={"service": Usage(0.9, 0.9, 1e8, 50, 5)})
    compared = replace(LITTLE, arm=None, compare=Comparison("wide", "narrow"))
    for prediction in (LITTLE, compared):
        fault = fault_of(busy, claim(prediction), "target_cpu")
        assert not fault.retryable
        assert fault.message.endswith("then every block counts, however much it uses.")
    assert fault_of(busy, claim(ratio(2.5)), "target_cpu").retryable
    assert inspect(busy, replace(claim(LITTLE), limits=Limits())).trusted


@pytest.mark.parametrize("disturbed", [{"other_cpu": 1.0}, {"ticker_late_p99_s": 0.5}])
def test_a_block_that_the_machine_voids_is_repeated_whatever_it_lacks(
    disturbed: dict[str, Any],
) -> None:
    seen = inspect(trial("narrow", 200, **disturbed), claim(QUICK))
    assert [fault.gate for fault in seen.faults][1:] == ["evidence"]
    assert all(fault.retryable for fault in seen.faults)
    assert not any("is not repeated" in fault.message for fault in seen.faults)
    seen = inspect(failing(**disturbed), lenient(FEW_FAIL))
    assert all(fault.retryable for fault in seen.faults)


def test_a_fault_of_the_scenario_is_told_before_what_follows_from_it() -> None:
    seen = inspect(trial("narrow", 0), claim(QUICK), {"raised NameError: x": 5})
    assert [(each.gate, each.retryable) for each in seen.faults] == [
        ("scenario", True),
        ("errors", True),
    ]


def test_a_run_that_has_ended_tells_why_and_not_what_follows() -> None:
    died = Fault("alive", "the service died", retryable=False)
    seen = inspect(trial("narrow", 0, faults=(died,)), claim(QUICK))
    assert [(each.gate, each.retryable) for each in seen.faults] == [
        ("alive", False),
        ("errors", True),
    ]


def test_what_the_arm_did_before_it_lacked_samples_is_told_as_well() -> None:
    seen = inspect(trial("narrow", 200, users_missing=3), claim(QUICK))
    assert [(each.gate, each.retryable) for each in seen.faults] == [
        ("users", False),
        ("evidence", False),
    ]


SLICE = LoadSlice(1, 0.5, 0.5, 0.0, 0.5, 0.0, {}, {}, {})


@pytest.mark.parametrize("slices", [(), (SLICE,)])
def test_users_that_do_not_end_end_the_run_if_requests_are_judged(
    slices: tuple[LoadSlice, ...],
) -> None:
    hung = altered(trial("narrow", 100, users_missing=50), slices=slices)
    fault = fault_of(hung, claim(ratio(2.5)), "users")
    assert not fault.retryable
    assert "if the blocks in which users did not end in time were repeated" in fault.message
    assert fault_of(hung, claim(LITTLE), "users").retryable
    assert fault_of(altered(hung, other_cpu=1.0), claim(ratio(2.5)), "users").retryable
    assert fault_of(altered(hung, users_missing=1), claim(ratio(2.5)), "users").retryable


def test_what_a_block_lacks_that_was_cut_short_is_no_finding() -> None:
    """In slices no further one begins after a user that does not end."""
    cut = altered(trial("narrow", 200, users_missing=50), slices=(SLICE,))
    assert "Lengthen" not in fault_of(cut, claim(QUICK), "evidence").message
    early = altered(cut, users_missing=1)
    assert {each.gate for each in inspect(early, claim(QUICK)).faults} >= {"users", "evidence"}
    assert all(fault.retryable for fault in inspect(early, claim(QUICK)).faults)


SLOW_ARRIVALS = replace(ON_TIME, sent=390, waiting=10, wait_p99_s=2.0, users=70)


def open_claim(*predictions: Prediction, unsent: float | None = None) -> Hypothesis:
    """A claim about an open load."""
    load = OpenLoad("poisson", (Stage(None, 100, 100, None),), max_users=70)
    return replace(with_load(claim(*predictions), load), allow=Allow(unsent=unsent))


@pytest.mark.parametrize("predicted", [replace(QUICK, measure="latency_p90"), ratio(2.5)])
def test_arrivals_that_a_slow_arm_keeps_waiting_end_the_run_if_requests_are_judged(
    predicted: Prediction,
) -> None:
    slow = trial("narrow", 100, dispatch=SLOW_ARRIVALS, block=4)
    fault = fault_of(slow, open_claim(predicted), "unsent")
    assert not fault.retryable
    assert "Block 4 is not repeated" in fault.message
    assert "if the blocks in which the arm kept arrivals waiting were repeated" in fault.message
    assert fault.message.endswith("reach to where these arrivals were the slowest.")
    assert inspect(slow, open_claim(predicted, unsent=1.0)).trusted
    assert fault_of(slow, open_claim(LITTLE), "unsent").retryable


def test_arrivals_that_the_driver_did_not_get_to_are_no_sign_of_a_slow_arm() -> None:
    kept = replace(SLOW_ARRIVALS, waiting=0, undispatched=10)
    late = trial("narrow", 100, dispatch=kept)
    assert fault_of(late, open_claim(ratio(2.5)), "unsent").retryable
    saturated = {**late.service.usage, DRIVER: Usage(0.9, 0.95, 1e8, 50, 5)}
    for sign in ({"other_cpu": 1.0}, {"usage": saturated}):
        busy = trial("narrow", 100, dispatch=SLOW_ARRIVALS, users_missing=70, **sign)
        for gate in ("unsent", "users"):
            assert fault_of(busy, open_claim(ratio(2.5)), gate).retryable


def test_arrivals_still_under_way_long_after_the_window_end_the_run() -> None:
    left = replace(SLOW_ARRIVALS, sent=400, waiting=0, unanswered=20)
    hanging = trial("narrow", 100, dispatch=left, users_missing=70)
    fault = fault_of(hanging, open_claim(ratio(2.5), unsent=1.0), "users")
    assert not fault.retryable
    assert "if the blocks in which users did not end in time were repeated" in fault.message
    assert fault_of(hanging, open_claim(LITTLE), "users").retryable


SILENT = Requests(400, 20, trial("narrow", 100).service.requests[ORDERS].latency, socket_errors=1)


def test_errors_without_an_answer_are_slow_requests() -> None:
    timed_out = altered(trial("narrow", 100), requests={ORDERS: SILENT})
    fault = fault_of(timed_out, lenient(ratio(2.5)), "errors")
    assert not fault.retryable and "throughput of narrow is what is judged" in fault.message
    assert fault_of(timed_out, lenient(LITTLE), "errors").retryable
    answered = altered(timed_out, requests={ORDERS: replace(SILENT, socket_errors=0)})
    assert fault_of(answered, lenient(ratio(2.5)), "errors").retryable


def test_a_run_that_was_planned_before_repeats_such_blocks() -> None:
    few, failed = trial("narrow", 200), failing()
    for made, hypothesis in ((few, claim(QUICK)), (failed, lenient(FEW_FAIL))):
        (fault,) = inspect(made, hypothesis, margins=BEFORE_SEALED).faults
        assert fault.retryable
        assert "is not repeated" not in fault.message


def test_a_run_that_was_planned_with_the_first_of_these_rules_knows_no_other() -> None:
    earlier = replace(MARGINS, final_if_judged=1)
    slow = trial("narrow", 100, dispatch=SLOW_ARRIVALS, users_missing=70)
    hung = altered(trial("narrow", 200, users_missing=50), slices=(SLICE,))
    silent = altered(trial("narrow", 100), requests={ORDERS: SILENT})
    for made, hypothesis in (
        (slow, open_claim(ratio(2.5))),
        (hung, claim(QUICK)),
        (silent, lenient(ratio(2.5))),
    ):
        faults = inspect(made, hypothesis, margins=earlier).faults
        assert faults and all(fault.retryable for fault in faults)
    assert not fault_of(trial("narrow", 200), claim(QUICK), "evidence").retryable
