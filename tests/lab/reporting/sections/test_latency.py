"""The table of requests: a row for each method and name."""

from __future__ import annotations

from dataclasses import replace

from lab.driver_messages import RequestKey
from lab.hypothesis import Step
from lab.reporting.sections.latency import latency_section
from lab.reporting.trials_of_run import RunTrials
from lab.trials.block_grouping import Block
from lab.trials.trial import Trial
from tests.default_margins import MARGINS
from tests.lab.builders import ORDERS, SHIPPED, trial


def run_of(*trials: Trial) -> RunTrials:
    block: Block = {Step(each.arm, None): (each,) for each in trials}
    return RunTrials(SHIPPED, trials, (block,), MARGINS)


def test_methods_of_one_name_have_rows_of_their_own() -> None:
    seen = trial("narrow", 100).service.requests[ORDERS]
    reading = RequestKey("/orders", "GET")
    made = trial("narrow", 100, requests={ORDERS: seen, reading: replace(seen, errors=7)})
    table = latency_section(run_of(made)).requests
    assert table.head[:5] == ("arm", "method", "request", "requests", "errors")
    assert [row[:5] for row in table.rows] == [
        ("narrow", "GET", "/orders", "400", "7"),
        ("narrow", "POST", "/orders", "400", "0"),
    ]
    assert len(table.align) == len(table.head) == len(table.rows[0])


def test_a_run_without_methods_has_no_column_for_them() -> None:
    seen = trial("narrow", 100).service.requests[ORDERS]
    made = trial("narrow", 100, requests={RequestKey("/orders"): seen})
    table = latency_section(run_of(made)).requests
    assert table.head[:3] == ("arm", "request", "requests")
    assert [row[:3] for row in table.rows] == [("narrow", "/orders", "400")]
    assert len(table.align) == len(table.head) == len(table.rows[0])
