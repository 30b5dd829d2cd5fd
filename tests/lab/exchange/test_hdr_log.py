from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from lab.cli.recorded_runs import judged_run
from lab.exchange.csv_tables import trials_csv
from lab.exchange.hdr_log import latency_logs
from lab.hypothesis import LoadTest
from lab.runs.judged_run import JudgedRun
from lab.runs.run_folder import RunFolder
from lab.stats.latency_histogram import Histogram
from tests.lab.reporting.made_up_runs import build
from tests.runs import ROOT

POOL = RunFolder.open(ROOT / "tests" / "recorded" / "pool-exhaustion")


@pytest.fixture(scope="module")
def logs() -> dict[str, str]:
    return latency_logs(judged_run(POOL))


def intervals(text: str, folder: Path) -> list[HdrHistogram]:
    file = folder / "latencies.hlog"
    file.write_text(text)
    reader = HistogramLogReader(str(file), HdrHistogram(1, 10**14, 3))
    found = []
    while (interval := reader.get_next_interval_histogram()) is not None:
        found.append(interval)
    return found


def test_an_arm_has_a_log_with_an_interval_for_each_trial(
    logs: dict[str, str], tmp_path: Path
) -> None:
    assert list(logs) == [
        f"latencies-{arm}.hlog" for arm in ("narrow", "wide", "short-hold", "more-pricing")
    ]
    trials = [trial for trial in POOL.trials() if trial.arm == "wide"]
    found = intervals(logs["latencies-wide.hlog"], tmp_path)
    assert len(found) == len(trials) == 4
    kind = judged_run(POOL).hypothesis.kind
    assert isinstance(kind, LoadTest)
    for trial, interval in zip(trials, found, strict=True):
        seen = Histogram()
        for requests in trial.service.requests.values():
            seen.merge(requests.latency)
        assert interval.get_total_count() == seen.count
        opened = trial.started_at + kind.warmup_s
        assert interval.get_start_time_stamp() == pytest.approx(opened * 1000, abs=1)
        length = interval.get_end_time_stamp() - interval.get_start_time_stamp()
        assert length == pytest.approx(trial.window_s * 1000, abs=1)
        for quantile in (0.5, 0.9, 0.99):
            own = seen.quantile(quantile, beyond=0)
            assert own is not None
            read = interval.get_value_at_percentile(quantile * 100) / 1e9
            assert read == pytest.approx(own, rel=0.02)  # the two may take neighbouring ranks
        assert interval.get_min_value() / 1e9 == pytest.approx(seen.min, rel=0.006)
        assert interval.get_max_value() / 1e9 == pytest.approx(seen.max, rel=0.006)


def test_trials_of_a_voided_block_are_left_out_as_in_the_table(tmp_path: Path) -> None:
    made = build(tmp_path, "CONFIRMED", bare=True)
    run = JudgedRun(made.run_folder, made.hypothesis, made.plan, made.verdict)
    rows = list(csv.DictReader(io.StringIO(trials_csv(run))))
    assert any(row["counts"] == "0" and not row["faults"] for row in rows)
    found = [
        interval for text in latency_logs(run).values() for interval in intervals(text, tmp_path)
    ]
    assert sum(interval.get_total_count() for interval in found) == sum(
        int(row["requests"]) for row in rows if row["counts"] == "1"
    )


def test_intervals_add_up(logs: dict[str, str], tmp_path: Path) -> None:
    found = intervals(logs["latencies-narrow.hlog"], tmp_path)
    together = HdrHistogram(1, 10**14, 3)
    for interval in found:
        together.add(interval)
    assert together.get_total_count() == sum(each.get_total_count() for each in found)


def test_a_benchmark_has_no_latencies() -> None:
    run = judged_run(RunFolder.open(ROOT / "tests" / "recorded" / "serializer"))
    assert latency_logs(run) == {}


def test_levels_of_a_sweep_are_apart() -> None:
    run = judged_run(RunFolder.open(ROOT / "tests" / "recorded" / "made-up-sweep"))
    assert len(latency_logs(run)) == len(run.hypothesis.steps)
