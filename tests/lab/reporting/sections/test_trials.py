from __future__ import annotations

from dataclasses import replace

from lab.hypothesis import Benchmark, Metric, MetricRatio
from lab.reporting.sections.trials import trial_table
from lab.reporting.trials_of_run import RunTrials
from lab.trials.trial import BenchmarkEvidence, LoadSlice, Timing, Trial
from tests.lab.builders import SHIPPED, altered, blocks, plan, trial
from tests.lab.reporting.made_up_runs import Run


def test_every_trial_has_a_row_that_says_whether_it_counts(rendered: dict[str, Run]) -> None:
    run = rendered["CONFIRMED"]
    trials = RunTrials.sort(run.hypothesis, run.plan, run.run_folder.trials())
    table = trial_table(trials)
    trusted = [(row[0], row[2]) for row in table.rows]
    assert len(trusted) == len(trials.all)
    assert [reason for block, reason in trusted if block == "3"] == [
        "block voided",
        "no: other_cpu",
    ]
    assert {reason for block, reason in trusted if block != "3"} == {"yes"}


def test_a_complete_block_in_slices_that_turned_out_too_short_is_not_unfinished() -> None:
    one = LoadSlice(1, 1.0, 1.0, 0.0, 1.25, 0.0, {}, {}, {})
    trials = [
        altered(each, slices=(one,) * (20 if each.block == 1 else 10))
        for each in blocks({"narrow": [100.0, 100.0, 100.0]})
    ]
    table = trial_table(RunTrials.sort(SHIPPED, plan(), trials[:-1]))
    assert {row[0]: row[2] for row in table.rows} == {
        "1": "slices too short",
        "2": "yes",
        "3": "block unfinished",
    }


def test_measures_and_roles_have_their_columns(rendered: dict[str, Run]) -> None:
    run = rendered["CONFIRMED"]
    trials = RunTrials.sort(run.hypothesis, run.plan, run.run_folder.trials())
    table = trial_table(trials)
    assert table.head == (
        *("block", "arm", "trusted", "throughput", "p50", "p95", "errors", "pool wait share"),
        *("service CPU", "pricing CPU", "database CPU", "driver CPU"),
    )
    [first, *_] = [row for row in table.rows if row[1] == "narrow"]
    assert first[3].endswith(" /s") and first[7].startswith("8") and first[7].endswith("%")


def test_a_mean_time_of_the_service_is_in_seconds_and_a_share_is_one_in_every_row() -> None:
    seconds = "http_request_duration_seconds"
    measures: dict[str, Metric] = {
        "mean": MetricRatio(f"{seconds}_sum", f"{seconds}_count"),
        "retries": MetricRatio("retries_total", "requests_total"),
    }
    trials = [
        altered(
            trial(arm, 100.0),
            counters={
                f"{seconds}_sum": 8.0,
                f"{seconds}_count": 400.0,
                "retries_total": retries,
                "requests_total": 400.0,
            },
        )
        for arm, retries in (("narrow", 100.0), ("wide", 600.0))
    ]
    hypothesis = replace(SHIPPED, measures=measures)
    rows = trial_table(RunTrials.sort(hypothesis, plan(hypothesis), trials)).rows
    assert [row[7:9] for row in rows] == [("20 ms", "0.25"), ("20 ms", "1.5")]


def test_processes_of_a_benchmark_have_their_launch_where_there_are_several(
    rendered: dict[str, Run],
) -> None:
    run = rendered["CONFIRMED"]
    hypothesis = replace(run.hypothesis, kind=Benchmark("min", window_s=0.9, budget_s=600.0))
    timing = Timing("min", 5, 1, 2e-3, 3e-3)
    trials = tuple(
        Trial(1, launch, "narrow", 0.0, 1.0, None, launch, BenchmarkEvidence(timing))
        for launch in (1, 2)
    )
    found = RunTrials.sort(hypothesis, run.plan, run.run_folder.trials())
    table = trial_table(replace(found, all=trials))
    assert table.head == ("block", "launch", "arm", "trusted", "time", "CPU of other processes")
    assert len(table.columns) == len(table.head)
    assert [row[:3] for row in table.rows] == [("1", "1", "narrow"), ("1", "2", "narrow")]
    assert trial_table(replace(found, all=trials[:1])).head[1] == "arm"
