"""Runs that earlier versions recorded: judged and rendered again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lab.experiment import sealed_hypothesis, verdict_of
from lab.hypothesis import Benchmark, ClosedLoad, LoadTest, OpenLoad, SoakTest, Sweep, load
from lab.reporting import render
from lab.runs.run_folder import RunFolder
from tests.runs import ROOT, lab

SAMPLE = ROOT / "reports" / "sample"
RECORDED = sorted(plan.parent for plan in (ROOT / "tests" / "recorded").glob("*/plan.json"))


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda run: run.name)
@pytest.mark.slow
def test_a_recorded_run_is_judged_to_the_byte_and_renders(recorded: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(recorded, tmp_path / recorded.name)
    before = (folder / "verdict.json").read_bytes()
    (folder / "verdict.json").unlink()
    run_folder = RunFolder.open(folder)
    plan = run_folder.plan()
    hypothesis = sealed_hypothesis(run_folder, plan, ROOT)

    verdict = verdict_of(run_folder, hypothesis, plan)
    run_folder.write_verdict(verdict)
    assert (folder / "verdict.json").read_bytes() == before

    render(run_folder, hypothesis, plan, verdict)
    assert verdict.verdict is not None
    assert verdict.verdict in (folder / "report.md").read_text()
    assert (folder / "report.html").stat().st_size > 10_000


def test_every_kind_of_experiment_is_recorded() -> None:
    hypotheses = []
    for folder in (SAMPLE, *RECORDED):
        run_folder = RunFolder.open(folder)
        hypotheses.append(sealed_hypothesis(run_folder, run_folder.plan(), ROOT))
    kinds = {type(hypothesis.kind) for hypothesis in hypotheses}
    assert kinds == {LoadTest, Benchmark, SoakTest}
    loads = {type(made.kind.load) for made in hypotheses if isinstance(made.kind, LoadTest)}
    assert loads == {ClosedLoad, OpenLoad, Sweep}
    soaks = [made for made in hypotheses if isinstance(made.kind, SoakTest)]
    assert {made.is_soak_script for made in soaks} == {True, False}


def test_the_sample_is_judged_to_the_byte(tmp_path: Path) -> None:
    copy = shutil.copytree(SAMPLE, tmp_path / "sample")
    before = (copy / "verdict.json").read_bytes()
    (copy / "verdict.json").unlink()
    done = lab("judge", str(copy))
    assert done.returncode == 0, done.stderr
    assert (copy / "verdict.json").read_bytes() == before


def test_the_sample_has_the_claim_of_the_shipped_hypothesis() -> None:
    plan = json.loads((SAMPLE / "plan.json").read_text())
    shipped = load(ROOT / "hypotheses" / "pool-exhaustion.md", ROOT)
    assert plan["claim_digest"] == shipped.claim_digest


def test_the_sample_renders(tmp_path: Path) -> None:
    copy = shutil.copytree(SAMPLE, tmp_path / "sample")
    (copy / "report.html").unlink()
    (copy / "report.md").unlink()
    done = lab("report", str(copy))
    assert done.returncode == 0, done.stderr
    assert "CONFIRMED" in (copy / "report.md").read_text()
    assert (copy / "report.html").stat().st_size > 10_000
