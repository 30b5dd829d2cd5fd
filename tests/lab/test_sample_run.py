"""The run that is kept in the repository: judged and rendered again, as anyone can."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.runs import ROOT, lab

SAMPLE = ROOT / "reports" / "sample"


def test_the_sample_is_judged_to_the_byte(tmp_path: Path) -> None:
    copy = shutil.copytree(SAMPLE, tmp_path / "sample")
    before = (copy / "verdict.json").read_bytes()
    (copy / "verdict.json").unlink()
    done = lab("judge", str(copy))
    assert done.returncode == 0, done.stderr
    assert (copy / "verdict.json").read_bytes() == before


def test_the_sample_is_of_the_claim_that_ships() -> None:
    plan = json.loads((SAMPLE / "plan.json").read_text())
    from lab.hypothesis import load

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
