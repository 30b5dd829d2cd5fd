from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
import yaml

from lab.cli.recorded_runs import judged_runs
from lab.exchange.otava import otava_files
from lab.judged_run import JudgedRun
from tests.lab.reporting.many_runs import edit, make_runs


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    make_runs(tmp_path, each=4)
    return tmp_path


def runs(reports: Path, name: str = "pool-exhaustion") -> list[JudgedRun]:
    return judged_runs(reports, name)[0]


def rows(files: dict[str, str]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files["otava.csv"])))


def test_a_run_is_a_row_with_a_number_in_every_column(reports: Path) -> None:
    found = rows(otava_files(runs(reports)))
    assert len(found) == 4
    assert [row["run"] for row in found] == [run.run_folder.run for run in runs(reports)]
    assert found[0]["time"].startswith("2026-03-01T16:13:00")
    figures = [name for name in found[0] if name not in ("time", "run", "commit", "verdict")]
    assert "throughput narrow" in figures
    assert "throughput wide / narrow" in figures
    assert all(float(row[name]) > 0 for row in found for name in figures)


def test_the_configuration_names_the_columns(reports: Path) -> None:
    files = otava_files(runs(reports))
    [(name, test)] = yaml.safe_load(files["otava.yaml"])["tests"].items()
    assert name == "pool-exhaustion"
    assert (test["type"], test["file"], test["time_column"]) == ("csv", "otava.csv", "time")
    head = list(rows(files)[0])
    assert {metric["column"] for metric in test["metrics"].values()} <= set(head)
    assert set(test["attributes"]) <= set(head)
    assert test["metrics"]["throughput narrow"]["direction"] == 1
    assert test["metrics"]["pool_wait_share narrow"]["direction"] == -1


def test_runs_without_a_figure_are_left_out(reports: Path) -> None:
    first, second, *_ = runs(reports)
    edit(first.run_folder.path("verdict.json"), verdict="INVALID", reasons=["busy"])
    predictions = second.verdict.as_dict()["predictions"]
    predictions[0]["estimate"] = None
    edit(second.run_folder.path("verdict.json"), predictions=predictions)
    assert len(rows(otava_files(runs(reports)))) == 2


@pytest.mark.parametrize("name", ["open-spike", "serializer", "planted", "memory-leak"])
def test_every_kind_has_figures_or_none(reports: Path, name: str) -> None:
    files = otava_files(runs(reports, name))
    assert not files or len(rows(files)) == 4
