from __future__ import annotations

from dataclasses import replace

import pytest

from lab.hypothesis import Allow, Limits, OpenLoad, Stage, load
from lab.stats.latency_histogram import Histogram
from lab.trials.trial import Ended, Fault, Requests, Trial, Usage
from tests.default_margins import GATES, inspect
from tests.lab.builders import (
    ON_TIME,
    ORDERS,
    PROJECT,
    SHIPPED,
    altered,
    arrivals,
    claim,
    ratio,
    trial,
    with_load,
)

THROUGHPUT = claim(ratio(2.5))
OPEN = with_load(SHIPPED, OpenLoad("poisson", (Stage(None, 100, 100, None),), max_users=70))
OF_WORKERS = ("workers", "clock", "begin_late")


def faults(made: Trial) -> list[str]:
    return [fault.gate for fault in inspect(made, THROUGHPUT).faults]


def with_usage(role: str, cpu: float, peak: float | None = None) -> Trial:
    made = trial("narrow", 100)
    used = replace(made.service.usage[role], cpu=cpu, cpu_peak=peak or cpu)
    return altered(made, usage={**made.service.usage, role: used})


def test_a_sound_trial_passes_every_gate_and_keeps_its_figures() -> None:
    seen = inspect(trial("narrow", 100), SHIPPED)
    assert seen.trusted
    assert set(seen.gates) == {gate.name for gate in GATES} - {
        "dispatch",
        "lost",
        "unsent",
        "unanswered",
        "without_request",
        "counts",
        "carry_over",
        *OF_WORKERS,
    }
    arriving = inspect(arrivals(), OPEN)
    assert arriving.trusted
    assert set(arriving.gates) == {gate.name for gate in GATES} - {
        "counts",
        "carry_over",
        *OF_WORKERS,
    }


@pytest.mark.parametrize(
    ("gate", "spoiled"),
    [
        ("other_cpu", trial("narrow", 100, other_cpu=0.5)),
        ("steal", trial("narrow", 100, steal=0.3)),
        ("ticker_late", trial("narrow", 100, ticker_late_p99_s=0.09)),
        ("driver_cpu", with_usage("driver", 0.5, peak=0.97)),
        ("target_cpu", with_usage("service", 0.9)),
        ("errors", trial("narrow", 0)),
    ],
)
def test_each_gate_fires_alone(gate: str, spoiled: Trial) -> None:
    assert faults(spoiled) == [gate]


def test_the_ticker_may_be_late_by_a_share_of_a_long_latency() -> None:
    slow = Histogram()
    slow.add_many([2.0] * 100)
    made = trial("narrow", 0, ticker_late_p99_s=0.09, counters={})
    assert faults(altered(made, requests={ORDERS: Requests(100, 0, slow)})) == []


def test_errors_beyond_what_is_allowed() -> None:
    made = trial("narrow", 100)
    seen = made.service.requests[ORDERS]
    failing = altered(
        made,
        requests={ORDERS: replace(seen, errors=5)},
        errors={"503 busy": 4, "reset": 1},
    )
    assert faults(failing) == ["errors"]
    message = inspect(failing, SHIPPED).faults[0].message
    assert "503 busy" in message and "1.25%" in message
    generous = replace(SHIPPED, allow=Allow(error_rate=0.02))
    assert inspect(failing, generous).trusted


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_littles_law_fails_for_lost_and_foreign_requests(factor: float) -> None:
    made = trial("narrow", 100)
    area = made.service.counters["http_in_flight_request_seconds_total"]
    counters = {**made.service.counters, "http_in_flight_request_seconds_total": area * factor}
    assert faults(altered(made, counters=counters)) == ["littles_law"]


def test_littles_law_is_not_checked_without_the_metrics_of_the_service() -> None:
    assert faults(trial("narrow", 100, counters={})) == []


def test_slow_scrapes_widen_littles_law() -> None:
    made = trial("narrow", 100)
    area = made.service.counters["http_in_flight_request_seconds_total"]
    counters = {**made.service.counters, "http_in_flight_request_seconds_total": area * 1.4}
    assert faults(altered(made, counters=counters)) == ["littles_law"]
    assert faults(altered(made, counters=counters, counters_uncertainty_s=1.5)) == []


def test_littles_law_counts_what_users_send_beside_their_tasks() -> None:
    """A fifth more: users that were added within the window have logged in."""
    made = arrivals()
    counters = {name: 1.2 * grown for name, grown in made.service.counters.items()}
    logged_in = altered(made, counters=counters)
    assert [fault.gate for fault in inspect(logged_in, OPEN).faults] == ["littles_law"]
    assert inspect(altered(logged_in, arm_requests=480), OPEN).trusted


def test_target_cpu_is_checked_only_if_the_hypothesis_limits_it() -> None:
    busy = with_usage("database", 0.95)
    assert inspect(busy, replace(SHIPPED, limits=Limits())).trusted
    assert not inspect(busy, SHIPPED).trusted


def test_every_process_of_the_target_counts() -> None:
    made = trial("narrow", 100)
    usage = {**made.service.usage, "worker": Usage(0.5, 0.6, 1e8, 50, 5)}
    (fault,) = inspect(altered(made, usage=usage), THROUGHPUT).faults
    assert (fault.gate, fault.figure) == ("target_cpu", pytest.approx(0.95))
    assert "(service, database, pricing, worker) used 95% of their core" in fault.message


def test_the_driver_is_no_process_of_the_target() -> None:
    made = trial("narrow", 100)
    assert inspect(made, THROUGHPUT).gates["target_cpu"] == pytest.approx(0.45)


def test_a_scenario_that_raises_is_reported_with_its_first_error() -> None:
    seen = inspect(trial("narrow", 100), SHIPPED, {"raised KeyError: 'sku'": 3})
    assert [fault.gate for fault in seen.faults] == ["scenario"]
    assert seen.faults[0].message == "The scenario raised KeyError: 'sku'."


def test_a_scenario_that_ends_itself_comes_first_with_the_errors_before_the_window() -> None:
    made = trial("narrow", 100, users_missing=3)
    failing = altered(made, requests={ORDERS: replace(made.service.requests[ORDERS], errors=5)})
    how = {"ended the test itself: environment.runner.quit() (shop.py:10, in on_start)": 1}
    first = inspect(failing, THROUGHPUT, how, {"HTTPError: 429": 3, "reset": 1}).faults[0]
    assert first.gate == "scenario"
    assert first.message == (
        "The scenario ended the test itself: environment.runner.quit() (shop.py:10, in on_start). "
        "Requests failed before the window: HTTPError: 429 (4 in all, 3 of these)."
    )


@pytest.mark.parametrize(("count", "found"), [(4, []), (5, ["without_request"])])
def test_arrivals_that_end_without_a_request_are_limited_as_unsent_ones(
    count: int, found: list[str]
) -> None:
    seen = inspect(arrivals(without_request=count), OPEN)
    assert [fault.gate for fault in seen.faults] == found


def test_failed_requests_come_before_the_tasks_that_they_made_raise() -> None:
    made = trial("narrow", 100)
    failing = altered(
        made,
        requests={ORDERS: replace(made.service.requests[ORDERS], errors=5)},
    )
    found = inspect(failing, THROUGHPUT, {"raised KeyError: 'id'": 5}).faults
    assert [fault.gate for fault in found] == ["errors", "scenario"]
    silent = inspect(trial("narrow", 0), THROUGHPUT, {"raised NameError: x": 5}).faults
    assert [fault.gate for fault in silent] == ["scenario", "errors"]


def test_missing_users_are_a_fault() -> None:
    assert faults(trial("narrow", 100, users_missing=3)) == ["users"]


def test_a_measure_without_a_value_voids_instead_of_passing() -> None:
    seen = inspect(trial("narrow", 100, counters={}), SHIPPED)
    assert [fault.gate for fault in seen.faults] == ["evidence"]
    assert "pool_wait_share" in seen.faults[0].message
    assert inspect(trial("wide", 100, counters={}), SHIPPED).trusted  # no prediction needs it there


def test_a_cause_comes_before_its_consequences() -> None:
    died = Fault("alive", "the service died", retryable=False)
    spoiled = trial("narrow", 0, faults=(died,), ticker_late_p99_s=0.5, other_cpu=1.0)
    assert faults(spoiled)[0] == "alive"
    busy = trial("narrow", 100, other_cpu=1.0, ticker_late_p99_s=0.5)
    assert faults(busy) == ["other_cpu", "ticker_late"]


def test_every_gate_is_described() -> None:
    assert all(len(gate.says) > 20 for gate in GATES)


@pytest.mark.parametrize("usage", [{}, {"driver": Usage(0.1, 0.1, 1, 1, 1)}])
def test_a_limit_of_what_nobody_observed_is_no_pass(usage: dict[str, Usage]) -> None:
    unseen = trial("narrow", 100, usage=usage)
    (fault,) = inspect(unseen, SHIPPED).faults
    assert fault.gate == "evidence"
    assert fault.message == (
        "No evidence for the limit `target_cpu` of arm narrow: no process of the target was "
        "observed (at a URL they are if [url] has `processes = true`)."
    )
    assert inspect(unseen, replace(SHIPPED, limits=Limits())).trusted


def test_arrivals_that_the_driver_sends_late_are_not_blamed_on_the_service() -> None:
    late = arrivals(lag_p99_s=0.4, sent=300, waiting=80, undispatched=20)
    found = inspect(late, OPEN).faults
    assert [fault.gate for fault in found] == ["dispatch", "unsent"]
    assert not any("service" in fault.message for fault in found)


def test_arrivals_without_a_free_user_are_reported_with_the_settings_that_help() -> None:
    crowded = arrivals(sent=300, waiting=100, wait_p99_s=2.0, users=70)
    (found,) = inspect(crowded, OPEN).faults
    assert found.gate == "unsent"
    assert "25.0%" in found.message
    assert all(word in found.message for word in ("at most 70", "most_users", "allow"))
    expected = replace(OPEN, allow=Allow(unsent=0.3))
    assert inspect(crowded, expected).trusted
    assert inspect(arrivals(sent=397, waiting=3), OPEN).trusted


def test_an_arrival_that_is_neither_sent_nor_counted_is_a_final_fault() -> None:
    (found,) = inspect(arrivals(sent=399), OPEN).faults
    assert (found.gate, found.retryable) == ("lost", False)


def test_failures_without_an_answer_are_counted_separately() -> None:
    made = trial("narrow", 100)
    failing = replace(made.service.requests[ORDERS], errors=5, socket_errors=4)
    (found,) = inspect(altered(made, requests={ORDERS: failing}), THROUGHPUT).faults
    assert "4 of 5 without an answer" in found.message


def test_a_sweep_needs_of_each_trial_what_its_curve_is_computed_from() -> None:
    knee = load(PROJECT / "hypotheses" / "pool-knee.md", PROJECT)
    bare = trial("five", 30, level=8.0)
    assert inspect(bare, knee).trusted, "connections_held is needed at 64 only"
    assert [f.gate for f in inspect(replace(bare, level=64.0), knee).faults] == ["evidence"]
    held = {**bare.service.counters, "db_pool_hold_seconds_sum": 19.0}
    assert inspect(altered(bare, level=64.0, counters=held), knee).trusted


def test_the_lateness_of_the_driver_does_not_widen_its_own_limit() -> None:
    made = arrivals(lag_p99_s=0.05)
    seen = made.service.requests[ORDERS]
    late = Histogram()
    late.add_many([9.0] * seen.count)  # from the intended send; the service itself took .1 s
    requests = {ORDERS: replace(seen, latency=late, sent_latency=seen.latency)}
    spoiled = altered(made, requests=requests, ticker_late_p99_s=0.05)
    assert [f.gate for f in inspect(spoiled, OPEN).faults] == ["ticker_late", "dispatch"]


def outrun(mu: float, rate: float, carried: bool = True) -> Trial:
    """Four seconds of a first-in-first-out queue of that capacity, at that rate."""
    made = arrivals()
    area = (rate - mu) * 4.0**2 / 2  # of the number in the service
    spent = area * mu / rate  # by those that ended; the rest is of those still under way
    return altered(
        made,
        requests={
            ORDERS: replace(made.service.requests[ORDERS], ended_within=Ended(int(mu * 4), 0))
        },
        counters={
            "http_in_flight_request_seconds_total": area,
            "http_request_duration_seconds_sum": spent,
            "http_request_duration_seconds_count": mu * 4,
        },
        dispatch=replace(ON_TIME, under_way_after_s=(area - spent) * carried),
    )


def test_a_queue_that_grows_keeps_littles_law() -> None:
    open_claim = replace(OPEN, predictions=THROUGHPUT.predictions, rivals=())
    assert inspect(outrun(100, 200), open_claim).trusted
    unexplained = inspect(outrun(100, 200, carried=False), open_claim)
    assert [f.gate for f in unexplained.faults] == ["littles_law"]


@pytest.mark.parametrize("factor", [0.3, 1.5])
def test_littles_law_fails_for_lost_and_foreign_requests_in_overload(factor: float) -> None:
    open_claim = replace(OPEN, predictions=THROUGHPUT.predictions, rivals=())
    made = outrun(100, 200)
    area = made.service.counters["http_in_flight_request_seconds_total"]
    counters = {**made.service.counters, "http_in_flight_request_seconds_total": area * factor}
    seen = inspect(altered(made, counters=counters), open_claim)
    assert [f.gate for f in seen.faults] == ["littles_law"]


def test_arrivals_without_an_answer_have_the_limit_of_unsent_ones() -> None:
    (found,) = inspect(arrivals(unanswered=40), OPEN).faults
    assert found.gate == "unanswered"
    assert "10.0%" in found.message
    assert inspect(arrivals(unanswered=40), replace(OPEN, allow=Allow(unsent=0.2))).trusted
    assert inspect(arrivals(unanswered=3), OPEN).trusted


def test_a_hypothesis_may_allow_no_unsent_arrival() -> None:
    strict = replace(OPEN, allow=Allow(unsent=0.0))
    assert [f.gate for f in inspect(arrivals(sent=399, waiting=1), strict).faults] == ["unsent"]
    assert inspect(arrivals(), strict).trusted


def test_an_open_load_that_does_not_end_is_reported_by_its_arrivals() -> None:
    (found,) = inspect(altered(arrivals(), users_missing=60), OPEN).faults
    assert found.gate == "users"
    assert "still under way 30 s after the window" in found.message
    assert "of 100 poisson arrivals" not in found.message


def test_the_driver_must_be_on_time_at_the_quantile_of_a_prediction() -> None:
    lag = Histogram()
    lag.add_many([0.0001] * 19_900 + [0.05] * 100)
    tail = replace(THROUGHPUT.predictions[0], measure="latency_p99.9", compare=None, arm="narrow")
    made = arrivals(lag=lag)
    deep = replace(OPEN, predictions=(tail,), rivals=())
    found = inspect(made, deep).faults
    assert [f.gate for f in found if f.gate == "dispatch"] == ["dispatch"]
    assert "p99.9" in found[0].message
    few = Histogram()
    few.add_many([0.0001] * 1990 + [0.05] * 5)
    assert "dispatch" not in [f.gate for f in inspect(arrivals(lag=few), deep).faults]
    assert inspect(made, replace(deep, predictions=THROUGHPUT.predictions)).trusted
