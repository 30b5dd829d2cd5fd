"""`lab history`, `lab compare` and `lab export`, as they are typed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from lab.cli.main import main
from tests.lab.reporting.many_runs import OTHER, edit, make_runs
from tests.runs import ROOT


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "hypotheses").mkdir()
    make_runs(folder / "reports")
    return folder


def typed(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> str:
    monkeypatch.chdir(project)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "argv", ["lab", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    assert (ended.value.code, err) == (0, "")
    return out


@pytest.mark.slow
def test_history_prints_a_table_for_each_machine_and_writes_a_page(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = typed(project, monkeypatch, capsys, "history", "pool-exhaustion")
    assert out.startswith("The runs were measured in 2 ways and are shown apart")
    assert out.index("Intel(R) Xeon(R) Processor, 2 cores") < out.index(f"{OTHER}, 8 cores")
    assert "REFUTED    throughput of wide is 1.90× that of narrow" in out
    page = project / "reports" / "pool-exhaustion" / "history.html"
    assert out.endswith(f"page: {page}\n")
    assert page.read_text().count("<figure>") == 8


def test_compare_prints_what_differs_and_what_moved(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = sorted((project / "reports" / "pool-exhaustion").glob("2*"))
    out = typed(project, monkeypatch, capsys, "compare", str(runs[3]), str(runs[4]))
    assert "note: The machines differ" in out
    assert "Settings that differ: none" in out
    moved = next(line for line in out.splitlines() if line.startswith("throughput wide / narrow"))
    assert "yes, by +" in moved


def test_export_writes_every_file(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = sorted((project / "reports" / "pool-exhaustion").glob("2*"))
    out = typed(project, monkeypatch, capsys, "export", str(runs[6]), "--to", "out/a")
    names = {path.name for path in (project / "out" / "a").iterdir()}
    assert names == {
        "trials.csv",
        "estimates.csv",
        *(f"latencies-{arm}.hlog" for arm in ("narrow", "wide", "short-hold", "more-pricing")),
        "otava.csv",
        "otava.yaml",
    }
    assert {Path(line).name for line in out.splitlines()} == names
    # of seven runs, one had another claim and two another machine
    assert len((project / "out" / "a" / "otava.csv").read_text().splitlines()) == 1 + 4


def test_a_run_on_another_target_is_no_part_of_the_history_for_otava(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hypotheses").mkdir()
    make_runs(tmp_path / "reports", each=4)
    *_, third, fourth = sorted((tmp_path / "reports" / "pool-exhaustion").glob("2*"))
    typed(tmp_path, monkeypatch, capsys, "export", str(fourth), "--to", "before")
    assert len((tmp_path / "before" / "otava.csv").read_text().splitlines()) == 1 + 2
    edit(third / "plan.json", target="compose")
    typed(tmp_path, monkeypatch, capsys, "export", str(fourth), "--to", "after")
    assert len((tmp_path / "after" / "otava.csv").read_text().splitlines()) == 1 + 1


@pytest.mark.slow
def test_a_report_is_exported_and_compared_like_a_run(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    shutil.copytree(ROOT / "reports" / "sample", project / "reports" / "sample")
    typed(project, monkeypatch, capsys, "report", "sample")
    shutil.copy(project / "reports" / "sample" / "report.html", tmp_path)
    typed(tmp_path, monkeypatch, capsys, "export", "report.html", "--to", ".")
    typed(project, monkeypatch, capsys, "export", "sample", "--to", "out/b")
    for name in ("trials.csv", "estimates.csv", "latencies-wide.hlog", "otava.csv"):
        assert (tmp_path / name).read_text() == (project / "out" / "b" / name).read_text()
    out = typed(tmp_path, monkeypatch, capsys, "compare", "report.html", "report.html")
    assert out.count("no: the intervals overlap") == 4


def test_a_run_that_the_history_for_otava_leaves_out_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hypotheses").mkdir()
    make_runs(tmp_path / "reports", each=4)
    *_, third, fourth = sorted((tmp_path / "reports" / "pool-exhaustion").glob("2*"))
    edit(third / "verdict.json", verdict="INVALID", reasons=["busy"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["lab", "export", str(fourth), "--to", "out"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert capsys.readouterr().err == (
        f"lab: left out of the history for Otava: run {third.name}: it is INVALID\n"
    )
