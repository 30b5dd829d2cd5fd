from __future__ import annotations

from dataclasses import replace

from lab.hypothesis import MetricRatio
from lab.reporting.sections.time_breakdown import TimeShare, time_breakdowns
from lab.reporting.trials_of_run import RunTrials
from tests.lab.builders import SHIPPED, plan, trial

WHOLE = 'http_request_duration_seconds_sum{route="/orders"}'
REQUESTS = 'http_request_duration_seconds_count{route="/orders"}'


def breakdowns_of(numerator: str, whole: str = WHOLE) -> list[dict[str, TimeShare]]:
    hypothesis = replace(SHIPPED, measures={"pool_wait_share": MetricRatio(numerator, whole)})
    trials = [trial(arm, 100.0) for arm in SHIPPED.arms]
    run_trials = RunTrials.sort(hypothesis, plan(hypothesis), trials)
    return [dict(breakdown.shares) for breakdown in time_breakdowns(run_trials)]


def test_a_share_has_its_time_per_request() -> None:
    [shares] = breakdowns_of("db_pool_wait_seconds_sum")
    assert set(shares) == set(SHIPPED.arms)
    share = shares["narrow"]
    assert share.part_s is not None and share.whole_s is not None
    assert round(share.share, 3) == 0.9
    assert round(share.part_s / share.whole_s, 3) == 0.9
    assert str(share).startswith("90% (")


def test_what_is_no_share_or_was_not_exported_is_left_out() -> None:
    assert breakdowns_of(WHOLE, "db_pool_wait_seconds_sum") == []
    assert breakdowns_of("unknown_seconds_sum") == []


def test_a_mean_time_or_a_number_for_each_request_is_no_share_of_the_time() -> None:
    assert breakdowns_of(WHOLE, REQUESTS) == []
    assert breakdowns_of(REQUESTS, REQUESTS) == []


def test_a_whole_that_is_no_histogram_has_no_time_per_request() -> None:
    [shares] = breakdowns_of("db_pool_wait_seconds_sum", "http_in_flight_request_seconds_total")
    assert str(shares["narrow"]) == "90%"
