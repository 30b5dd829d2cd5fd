"""`--junit`, `--summary` and the page of a CI job."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from junitparser import JUnitXml

from lab.cli.main import main
from lab.cli.recorded_runs import judged_run
from lab.cli.result_files import ResultFiles
from lab.errors import StorageError, UsageError
from lab.runs.report_evidence import evidence_element
from lab.runs.run_folder import RunFolder
from tests.lab.reporting.many_runs import edit
from tests.runs import ROOT

SAMPLE = ROOT / "reports" / "sample"


def judge(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["lab", "judge", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    (tmp_path / "hypotheses").mkdir()
    shutil.copytree(SAMPLE, tmp_path / "reports" / "sample")
    return tmp_path


def test_files_are_written_with_their_folders(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge(project, monkeypatch, "sample", "--junit", "out/a/junit.xml", "--summary", "out/s.md")
    [suite] = JUnitXml.fromfile(str(project / "out/a/junit.xml"))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (4, 0, 0, 0)
    properties = {each.name: each.value for each in suite.properties()}
    assert properties["verdict"] == "CONFIRMED"
    assert properties["run"] == "sample"
    conditions = json.loads((project / "reports/sample/conditions.json").read_text())
    assert properties["machine"] == f"{conditions['processor']}, {conditions['cores']} cores"
    assert (project / "out/s.md").read_text().startswith("### ✔ CONFIRMED: ")


def test_a_commit_that_files_differed_from_is_marked(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(project / "reports/sample/conditions.json", commit="a" * 40, dirty=True)
    judge(project, monkeypatch, "sample", "--junit", "junit.xml")
    [suite] = JUnitXml.fromfile(str(project / "junit.xml"))
    properties = {each.name: each.value for each in suite.properties()}
    assert properties["commit"] == f"{'a' * 40}*"


def test_the_page_of_a_job_is_added_to(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = project / "step.md"
    page.write_text("from an earlier step")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    judge(project, monkeypatch, "sample")
    judge(project, monkeypatch, "sample")
    text = page.read_text()
    assert text.startswith("from an earlier step\n### ✔ CONFIRMED")
    assert text.count("CONFIRMED: Why") == 2


def test_a_page_of_a_job_that_is_not_there_fails_no_command(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = project / "not" / "mounted.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    judge(project, monkeypatch, "sample")
    assert capsys.readouterr().err.startswith(f"lab: {page}: cannot be written")


def test_a_file_that_was_asked_for_and_cannot_be_written_is_an_error(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ResultFiles.prepare(project / "out" / "junit.xml", None)
    (project / "out").rmdir()
    run = judged_run(RunFolder.open(project / "reports" / "sample"))
    with pytest.raises(StorageError, match=r"junit\.xml: cannot be written"):
        files.write(run.run_folder, run.hypothesis, run.verdict)


def test_files_of_an_earlier_run_stay_until_a_run_begins(tmp_path: Path) -> None:
    junit, folder = tmp_path / "lab.xml", tmp_path / "folder"
    junit.write_text("all pass")
    folder.mkdir()
    with pytest.raises(UsageError, match="--summary"):
        ResultFiles.prepare(junit, folder)
    assert junit.read_text() == "all pass"
    files = ResultFiles.prepare(junit, None)
    assert junit.read_text() == "all pass"
    files.remove_earlier()
    assert not junit.exists()


def test_a_file_that_has_to_stay_is_emptied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked, mounted = tmp_path / "linked.xml", tmp_path / "mounted.md"
    for file in (tmp_path / "elsewhere.xml", mounted):
        file.write_text("all pass")
    linked.symlink_to(tmp_path / "elsewhere.xml")

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise OSError(16, "Device or resource busy", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    ResultFiles.prepare(linked, mounted).remove_earlier()
    assert linked.is_symlink()
    assert linked.read_text() == mounted.read_text() == ""


def test_a_report_has_them_as_its_run_has(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = judged_run(RunFolder.open(project / "reports" / "sample"))
    page = f"<body>{evidence_element(run.run_folder, run.hypothesis)}</body>"
    empty = project / "empty"
    empty.mkdir()
    (empty / "report.html").write_text(page)
    judge(empty, monkeypatch, "report.html", "--junit", "a.xml", "--summary", "a.md")
    judge(project, monkeypatch, "sample", "--junit", "b.xml", "--summary", "b.md")
    assert (empty / "a.xml").read_text() == (project / "b.xml").read_text()
    assert (empty / "a.md").read_text() == (project / "b.md").read_text()


def test_nothing_is_written_unasked(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(project.rglob("*"))
    judge(project, monkeypatch, "sample")
    assert set(project.rglob("*")) == before
