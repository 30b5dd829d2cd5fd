from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from lab.cli.recorded_runs import judged_run
from lab.exchange.csv_tables import as_csv, estimates_csv, trials_csv
from lab.runs.judged_run import JudgedRun
from lab.runs.run_folder import RunFolder
from tests.runs import ROOT

POOL = ROOT / "tests" / "recorded" / "pool-exhaustion"
RECORDED = sorted(plan.parent for plan in (ROOT / "tests" / "recorded").glob("*/plan.json"))


def run(folder: Path) -> JudgedRun:
    return judged_run(RunFolder.open(folder))


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_trial_is_a_row_with_its_measures() -> None:
    found = rows(trials_csv(run(POOL)))
    trials = run(POOL).run_folder.trials()
    assert len(found) == len(trials) == 16
    first = found[0]
    assert first["hypothesis"] == "pool-exhaustion"
    assert (first["block"], first["position"], first["counts"]) == ("1", "1", "1")
    assert first["faults"] == ""
    assert first["started_at"].startswith("2026-11-25T00:56:")
    assert float(first["throughput"]) > 10
    assert float(first["pool_wait_share"]) > 0
    assert "time" not in first, "a measure of benchmarks"


def test_numpy_reads_the_columns_as_numbers() -> None:
    text = trials_csv(run(POOL))
    data = np.genfromtxt(io.StringIO(text), delimiter=",", names=True, dtype=None, encoding="utf-8")
    wide = data[data["arm"] == "wide"]["throughput"]
    narrow = data[data["arm"] == "narrow"]["throughput"]
    assert wide.mean() / narrow.mean() == pytest.approx(3.84, rel=0.02)


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda folder: folder.name)
def test_every_kind_of_run_has_its_tables(recorded: Path) -> None:
    judged = run(recorded)
    trials = rows(trials_csv(judged))
    assert len(trials) == len(judged.run_folder.trials())
    assert {row["arm"] for row in trials} <= set(judged.hypothesis.arms)
    estimates = rows(estimates_csv(judged))
    assert len(estimates) == len(judged.hypothesis.all_predictions)
    assert {row["verdict"] for row in estimates} == {judged.verdict.verdict}


def test_an_estimate_has_all_its_digits() -> None:
    judged = run(POOL)
    [first, *_, rival] = rows(estimates_csv(judged))
    assert float(first["estimate"]) == judged.verdict.predictions[0].estimate
    assert (first["of"], rival["of"]) == ("prediction", "rival")
    assert first["subject"] == "wide / narrow"


def test_text_with_commas_and_quotes_stays_one_cell() -> None:
    hostile = 'a, "b"\nc'
    assert rows(as_csv(("x", "y"), [(hostile, None)])) == [{"x": hostile, "y": ""}]
