from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from lab.cli.recorded_runs import judged_runs
from lab.exchange.otava import otava_history
from lab.hypothesis import Bound, Comparison, Prediction
from lab.runs.judged_run import JudgedRun
from lab.verdict.record import Judgement
from tests.lab.reporting.many_runs import RECORDED, copy_run, edit, make_runs


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    make_runs(tmp_path, each=4)
    return tmp_path


def runs(reports: Path, name: str = "pool-exhaustion") -> list[JudgedRun]:
    return judged_runs(reports, name)[0]


def rows(files: dict[str, str]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files["otava.csv"])))


def test_a_run_is_a_row_with_a_number_in_every_column(reports: Path) -> None:
    found = rows(otava_history(runs(reports)).files)
    assert len(found) == 4
    assert [row["run"] for row in found] == [run.run_folder.run for run in runs(reports)]
    assert found[0]["time"].startswith("2026-03-01T16:13:00")
    figures = [name for name in found[0] if name not in ("time", "run", "commit", "verdict")]
    assert "throughput narrow" in figures
    assert "throughput wide / narrow" in figures
    assert all(float(row[name]) > 0 for row in found for name in figures)


def test_the_configuration_names_the_columns(reports: Path) -> None:
    files = otava_history(runs(reports)).files
    [(name, test)] = yaml.safe_load(files["otava.yaml"])["tests"].items()
    assert name == "pool-exhaustion"
    assert (test["type"], test["file"], test["time_column"]) == ("csv", "otava.csv", "time")
    head = list(rows(files)[0])
    assert {metric["column"] for metric in test["metrics"].values()} <= set(head)
    assert set(test["attributes"]) <= set(head)
    assert test["metrics"]["throughput narrow"]["direction"] == 1
    assert test["metrics"]["pool_wait_share narrow"]["direction"] == -1


@pytest.fixture
def sweep(tmp_path: Path) -> JudgedRun:
    began = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
    copy_run(RECORDED / "made-up-sweep", tmp_path, "pool-knee", began)
    return runs(tmp_path, "pool-knee")[0]


def test_more_is_better_of_what_a_sweep_finds(sweep: JudgedRun) -> None:
    [test] = yaml.safe_load(otava_history([sweep]).files["otava.yaml"])["tests"].values()
    assert {name: metric["direction"] for name, metric in test["metrics"].items()} == {
        "peak_throughput five": 1,
        "knee five": 1,
        "connections_held five at 64": -1,
    }


def test_each_level_of_a_measure_has_a_column_of_its_own(sweep: JudgedRun) -> None:
    compare, bound = Comparison("five", "five"), Bound(at_least=0.5)
    predictions = tuple(
        Prediction("it is", "throughput", bound, compare=compare, at=level) for level in (2.0, 4.0)
    )
    judged = tuple(
        Judgement(each.says, each.measure, each.subject, str(bound), "supported", 1.0, 0.9, 1.1)
        for each in predictions
    )
    run = sweep._replace(
        hypothesis=replace(sweep.hypothesis, predictions=predictions),
        verdict=replace(sweep.verdict, predictions=judged),
    )
    [row] = rows(otava_history([run]).files)
    assert list(row)[4:] == [
        "throughput five at 2",
        "throughput five at 4",
        "throughput five / five at 2",
        "throughput five / five at 4",
    ]
    two, four = (float(row[f"throughput five at {level}"]) for level in (2, 4))
    assert four == pytest.approx(2 * two, rel=0.05)


def test_a_commit_that_files_differed_from_is_marked(reports: Path) -> None:
    found = [row["commit"] for row in rows(otava_history(runs(reports)).files)]
    assert found[1:3] == ["0000001abcdef", "0000002abcdef*"]


def test_runs_without_a_figure_are_left_out(reports: Path) -> None:
    first, second, *_ = runs(reports)
    edit(first.run_folder.path("verdict.json"), verdict="INVALID", reasons=["busy"])
    predictions = second.verdict.as_dict()["predictions"]
    predictions[0]["estimate"] = None
    edit(second.run_folder.path("verdict.json"), predictions=predictions)
    history = otava_history(runs(reports))
    assert len(rows(history.files)) == 2
    assert history.left_out == (
        f"run {first.run_folder.run}: it is INVALID",
        f"run {second.run_folder.run}: it has no value of throughput wide / narrow",
    )


@pytest.mark.parametrize("name", ["open-spike", "serializer", "planted", "memory-leak"])
def test_every_kind_has_figures_or_none(reports: Path, name: str) -> None:
    files = otava_history(runs(reports, name)).files
    assert not files or len(rows(files)) == 4


@pytest.mark.parametrize("peaks", [(True, False, True), (True, True, False), (True, True, True)])
def test_what_a_run_without_a_peak_costs_is_named(tmp_path: Path, peaks: tuple[bool, ...]) -> None:
    began = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
    folders = [
        copy_run(RECORDED / "made-up-sweep", tmp_path, "pool-knee", began + timedelta(hours=number))
        for number in range(len(peaks))
    ]
    for folder, has_peak in zip(folders, peaks, strict=True):
        if has_peak:  # as recorded there is none up to 42.7
            rivals = json.loads((folder / "verdict.json").read_text())["rivals"]
            rivals[0] |= {"estimate": 30.0, "low": 28.0, "high": 33.0}
            edit(folder / "verdict.json", rivals=rivals)
    history = otava_history(runs(tmp_path, "pool-knee"))
    found = rows(history.files)
    assert ("peak five" in found[0]) == peaks[-1]
    match peaks:
        case (_, False, _):
            assert [row["run"] for row in found] == [folders[0].name, folders[2].name]
            assert history.left_out == (f"run {folders[1].name}: it has no value of peak five",)
        case (_, _, False):
            assert len(found) == 3
            assert history.left_out == ("peak five: the latest run has no value of it",)
        case _:
            assert len(found) == 3
            assert history.left_out == ()
