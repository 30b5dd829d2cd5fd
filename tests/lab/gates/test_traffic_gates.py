"""Whether the load reached the arm: the gates `hosts` and `served`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.gates import traffic_notes
from lab.system import MetricNames
from lab.trials.trial import Fault, MetricsReading, SoakEvidence, Trial
from tests.default_margins import inspect
from tests.lab.builders import ORDERS, altered, claim, ratio, trial
from tests.lab.gates.test_soak_gates import SHIPPED as SOAK
from tests.lab.gates.test_soak_gates import sound as soak

THROUGHPUT = claim(ratio(2.5))
COUNT = 'http_request_duration_seconds_count{route="/orders"}'
TYPED = MetricsReading(scrapes=5, types={"http_request_duration_seconds": "histogram"})


def faults(made: Trial) -> list[Fault]:
    found = inspect(made, THROUGHPUT).faults
    return [fault for fault in found if fault.gate in ("hosts", "served")]


def served(count: float, **changes: object) -> Trial:
    """A trial of 400 requests of which the arm counted so many, and its in-flight time not."""
    return altered(trial("narrow", 100, counters={COUNT: count}), **changes)


def test_requests_to_another_host_void_the_block_for_good() -> None:
    (fault,) = faults(served(398, foreign_hosts={"127.0.0.1:39827": 2}, arm_requests=398))
    assert (fault.gate, fault.figure, fault.retryable) == ("hosts", 2, False)
    assert "127.0.0.1:39827 (2)" in fault.message and "Write paths" in fault.message


@pytest.mark.parametrize(
    ("answers", "is_noted"), [(None, False), (0, False), (400, False), (500, False), (800, True)]
)
def test_it_is_noted_that_most_requests_are_redirected(answers: int | None, is_noted: bool) -> None:
    """To log in, for example: what is measured is that page."""
    notes = traffic_notes([served(400, arm_requests=answers)] * 2)
    assert len(notes) == is_noted
    if is_noted:
        assert notes[0].startswith("Arm narrow gave 2.0 answers for each request of the scenario")


def test_a_few_requests_that_are_redirected_are_not_noted() -> None:
    assert traffic_notes([altered(trial("narrow", 4), arm_requests=40)]) == ()


def test_an_arm_that_served_nothing_was_not_measured() -> None:
    """No request, no series of it: the type of the family shows that the arm does count."""
    for made in (served(0), altered(trial("narrow", 100, counters={}), metrics=TYPED)):
        (fault,) = faults(made)
        assert (fault.gate, fault.figure, fault.retryable) == ("served", 1.0, False)
        assert "400 requests to arm narrow" in fault.message
        assert "the arm itself counted 0 (" in fault.message


@pytest.mark.parametrize("count", [190, 800])
def test_driven_and_served_have_to_agree(count: int) -> None:
    (fault,) = faults(served(count))
    assert (fault.gate, fault.retryable) == ("served", True)


@pytest.mark.parametrize("count", [360, 440])
def test_the_edges_of_the_window_are_left_open(count: int) -> None:
    assert faults(served(count)) == []


def test_a_service_without_a_counter_is_not_checked() -> None:
    nothing = trial("narrow", 100, counters={})
    assert faults(nothing) == []
    assert faults(altered(nothing, metrics=replace(TYPED, scrapes=1))) == []
    assert "served" not in inspect(nothing, THROUGHPUT).gates


def test_a_counter_that_lab_toml_names_has_to_be_there() -> None:
    made = altered(trial("narrow", 100, counters={}), metrics=MetricsReading(scrapes=5))
    served_fault, law = inspect(made, THROUGHPUT).faults
    assert (served_fault.gate, law.gate) == ("served", "littles_law")
    assert not served_fault.retryable and not law.retryable
    assert served_fault.message.startswith(
        "lab.toml names http_request_duration_seconds_count, and the metrics of arm narrow have no"
    )
    assert "http_in_flight_request_seconds_total" in law.message


@pytest.mark.parametrize("types", [{}, TYPED.types])
def test_a_window_of_which_an_end_was_not_read_is_not_checked(types: dict[str, str]) -> None:
    failed = MetricsReading(scrapes=9, problem="GET /metrics: status 503", types=types)
    made = altered(trial("narrow", 100, counters={}), metrics=failed)
    assert inspect(made, THROUGHPUT).faults == ()
    read = altered(made, counters_uncertainty_s=0.01)  # one within the window failed
    assert "served" in {fault.gate for fault in inspect(read, THROUGHPUT).faults}


def test_a_counter_that_fell_does_not_count() -> None:
    broken = replace(TYPED, unread={COUNT: "it fell"})
    assert faults(served(0, metrics=broken)) == []


def test_the_counter_has_the_name_that_the_system_gives_it() -> None:
    made = altered(trial("narrow", 100), counters={'served_total{code="200"}': 0.0})
    assert faults(made) == []
    (fault,) = inspect(made, THROUGHPUT, names=MetricNames(requests="served_total")).faults
    assert fault.gate == "served" and "(served_total)" in fault.message


def test_without_a_name_nothing_is_compared() -> None:
    seen = inspect(served(0), THROUGHPUT, names=MetricNames())
    assert seen.trusted and not {"served", "littles_law"} & set(seen.gates)


def test_redirects_that_a_client_followed_are_requests_of_the_arm() -> None:
    assert faults(served(800, arm_requests=800)) == []
    assert [fault.gate for fault in faults(served(400, arm_requests=800))] == ["served"]


def test_requests_without_an_answer_may_be_served_or_not() -> None:
    made = trial("narrow", 100)
    seen = replace(made.service.requests[ORDERS], errors=300, socket_errors=300)
    for count in (100, 400, 1200):
        assert faults(served(count, requests={ORDERS: seen}, arm_requests=100)) == []


def test_clients_that_are_not_http_are_bounded_from_above_only() -> None:
    assert faults(served(0, arm_requests=0)) == []
    assert faults(served(400, arm_requests=0)) == []
    assert [fault.gate for fault in faults(served(900, arm_requests=0))] == ["served"]


def test_a_few_requests_are_not_compared() -> None:
    few = trial("narrow", 4, counters={COUNT: 0.0})
    assert faults(few) == []


def test_slow_scrapes_widen_it() -> None:
    assert faults(served(200, counters_uncertainty_s=2.0)) == []


def test_a_soak_is_checked_unless_its_driver_is_a_script_or_an_arm_crashed() -> None:
    made = altered(soak(), counters={COUNT: 0.0}, arm_requests=1000)
    (fault,) = inspect(made, SOAK).faults
    assert (fault.gate, fault.retryable) == ("served", False)
    assert inspect(altered(made, arm_requests=None), SOAK).trusted
    evidence = made.evidence
    assert isinstance(evidence, SoakEvidence)
    assert inspect(altered(made, crashes=("the service ended",)), SOAK).trusted
    (fault,) = inspect(altered(soak(), foreign_hosts={"other:80": 1}), SOAK).faults
    assert fault.gate == "hosts"
