"""A report carries the data of its run: judged anywhere, refused if a byte was changed."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lab.experiment import sealed_hypothesis, verdict_of
from lab.files.format_versions import UnknownVersion
from lab.files.json_files import to_line
from lab.runs.report_evidence import (
    MAX_DATA_BYTES,
    MAX_PAGE_BYTES,
    EvidenceError,
    evidence_element,
    unpack,
)
from lab.runs.run_folder import RunFolder, RunFolderError
from tests.lab.reporting.html_page import HtmlPage
from tests.lab.reporting.made_up_runs import Run
from tests.runs import ROOT, lab

SAMPLE = ROOT / "reports" / "sample"
RECORDED = sorted(plan.parent for plan in (ROOT / "tests" / "recorded").glob("*/plan.json"))
BODY = "<html><body><p>A report.</p></body></html>\n"


def page_of(folder: Path) -> str:
    """A page with the data of a run, without drawing the report."""
    run_folder = RunFolder.open(folder)
    hypothesis = sealed_hypothesis(run_folder, run_folder.plan(), ROOT)
    return BODY.replace("</body>", f"{evidence_element(run_folder, hypothesis)}</body>")


def judged(page: Path, folder: Path) -> bytes:
    """The verdict that the data of a page yield."""
    run_folder = unpack(page, folder)
    plan = run_folder.plan()
    hypothesis = sealed_hypothesis(run_folder, plan, folder)
    run_folder.write_verdict(verdict_of(run_folder, hypothesis, plan))
    return run_folder.path("verdict.json").read_bytes()


@pytest.fixture(scope="module")
def sample_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    page = tmp_path_factory.mktemp("page") / "report.html"
    page.write_text(page_of(SAMPLE), encoding="utf-8")
    return page


@pytest.mark.parametrize("recorded", [SAMPLE, *RECORDED], ids=lambda run: run.name)
def test_the_data_of_every_kind_yield_the_same_verdict(recorded: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(page_of(recorded), encoding="utf-8")
    assert judged(page, tmp_path) == (recorded / "verdict.json").read_bytes()


@pytest.mark.parametrize("name", ["20250101-090000 (copy)", "my run", ".kept", "läufe"])
def test_a_run_folder_of_any_name_is_read_back(name: str, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(page_of(shutil.copytree(SAMPLE, tmp_path / name)), encoding="utf-8")
    assert judged(page, tmp_path / "out") == (SAMPLE / "verdict.json").read_bytes()


def test_200_changes_of_a_byte_are_all_refused(sample_page: Path, tmp_path: Path) -> None:
    whole = sample_page.read_bytes()
    element = re.search(rb'<template id="evidence".*</template>', whole, re.S)
    assert element is not None
    chance = random.Random(1)
    page = tmp_path / "changed.html"
    for _ in range(200):
        place = chance.randrange(element.start(), element.end())
        byte = chance.choice([b for b in range(256) if b != whole[place]])
        page.write_bytes(whole[:place] + bytes([byte]) + whole[place + 1 :])
        with pytest.raises(EvidenceError):
            unpack(page, tmp_path)
    assert not [path for path in tmp_path.iterdir() if path.is_dir()], "nothing was unpacked"


def test_a_change_of_what_the_page_shows_does_not_change_the_verdict(
    sample_page: Path, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    page.write_text(sample_page.read_text().replace("A report.", "REFUTED"), encoding="utf-8")
    assert judged(page, tmp_path) == (SAMPLE / "verdict.json").read_bytes()


def test_a_finished_report_is_judged_in_an_empty_folder(tmp_path: Path) -> None:
    """By the command, without a project, and without running what lies there."""
    run = shutil.copytree(SAMPLE, tmp_path / "run")
    assert lab("report", str(run)).returncode == 0
    empty = tmp_path / "empty"
    (empty / "scenarios").mkdir(parents=True)
    for name in ("scenarios/checkout.py", "conftest.py", "sitecustomize.py"):
        (empty / name).write_text("open('executed', 'w')\n")
    shutil.copy(run / "report.html", empty)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "lab", "judge", "report.html"],
        cwd=empty,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (empty / "verdict.json").read_bytes() == (SAMPLE / "verdict.json").read_bytes()
    assert done.stdout.startswith("CONFIRMED  pool-exhaustion, 4 blocks")
    assert f"report: {empty / 'report.html'}" in done.stdout
    assert not (empty / "executed").exists()


def test_the_element_is_inert(rendered: dict[str, Run]) -> None:
    html = rendered["CONFIRMED"].html
    [attrs] = [attrs for tag, attrs in HtmlPage(html).tags if tag == "template"]
    assert set(attrs) == {"id", "data-sha256"}
    assert re.search(r">[A-Za-z0-9+/=\n]+</template>\n</body>", html)
    assert max(map(len, html.rpartition("<template")[2].splitlines())) < 200


def test_every_report_carries_its_data(rendered: dict[str, Run], tmp_path: Path) -> None:
    for name, run in rendered.items():
        unpacked = unpack(run.run_folder.path("report.html"), tmp_path)
        assert unpacked.run == run.run_folder.run
        assert unpacked.trials() == run.run_folder.trials(), name
        assert unpacked.conditions() == run.run_folder.conditions()


def test_bytes_that_are_no_text_are_carried(tmp_path: Path) -> None:
    run = shutil.copytree(SAMPLE, tmp_path / "run")
    torn = b'{"at":"2026-11-25T00:56:03.342+00:00","event":"caf\xc3'
    with (run / "journal.jsonl").open("ab") as file:
        file.write(torn)
    page = tmp_path / "report.html"
    page.write_text(page_of(run), encoding="utf-8")
    unpacked = unpack(page, tmp_path / "out")
    assert unpacked.path("journal.jsonl").read_bytes().endswith(torn)


# -- from elsewhere ------------------------------------------------------------------------------


def forged(content: Mapping[str, Any] | bytes, page: Path) -> Path:
    """A page with other data, and the digest that fits them."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    text = base64.encodebytes(zlib.compress(data)).decode()
    digest = hashlib.sha256(text.encode()).hexdigest()
    page.write_text(f'<template id="evidence" data-sha256="{digest}">{text}</template>')
    return page


def content(**changed: Any) -> dict[str, Any]:
    return {"schema": "lab.evidence/1", "run": "a-run", "files": {}, **changed}


@pytest.mark.parametrize(
    "name",
    [
        "../hypothesis.md",
        "/tmp/plan.json",
        "series/../../plan.intervals.jsonl",
        "series/a/b.intervals.jsonl",
        "series/",
        "report.html",
        "verdict.json",
        "series\\..\\x.jsonl",
        "",
    ],
)
def test_files_outside_of_a_run_are_refused(name: str, tmp_path: Path) -> None:
    page = forged(content(files={"plan.json": "{}", name: "x"}), tmp_path / "page.html")
    with pytest.raises(RunFolderError, match="not the name of a file of a run"):
        unpack(page, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize(
    "wrong",
    [
        b"{",
        b"[]",
        b"[" * 1_000_000,
        b"\xff",
        json.dumps(content(run="../up")).encode(),
        json.dumps(content(run="..")).encode(),
        json.dumps(content(run=3)).encode(),
        json.dumps(content(files=[1])).encode(),
        json.dumps(content(files={"plan.json": 1})).encode(),
        json.dumps(content(files={"plan.json": "\ud800"})).encode(),
        json.dumps({"schema": "lab.evidence/1"}).encode(),
        json.dumps(content(run="a" * 300)).encode(),
        json.dumps(content(files={f"series/{'a' * 300}.intervals.jsonl": "x"})).encode(),
    ],
    ids=lambda data: data[:40].decode("latin-1"),
)
def test_what_is_no_run_is_refused(wrong: bytes, tmp_path: Path) -> None:
    page = forged(wrong, tmp_path / "page.html")
    with pytest.raises(EvidenceError, match="what it carries are not the data of a run"):
        unpack(page, tmp_path / "out")


def test_another_version_is_refused(tmp_path: Path) -> None:
    page = forged(content(schema="lab.evidence/9"), tmp_path / "page.html")
    with pytest.raises(UnknownVersion, match=r"page\.html: its schema is 'lab.evidence/9'"):
        unpack(page, tmp_path / "out")


@pytest.mark.slow
def test_data_that_unpack_without_end_are_refused(tmp_path: Path) -> None:
    """More than the limit from a page of a few kilobytes, and no more of it is unpacked."""
    page = forged(b"0" * (MAX_DATA_BYTES + 1_000_000), tmp_path / "page.html")
    assert page.stat().st_size < 100_000
    with pytest.raises(EvidenceError, match="cut short, or larger than 64 MB"):
        unpack(page, tmp_path / "out")


def test_a_page_too_large_is_not_read(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    with page.open("wb") as file:
        file.truncate(MAX_PAGE_BYTES + 1)
    with pytest.raises(EvidenceError, match="larger than 64 MB"):
        unpack(page, tmp_path / "out")


def test_two_elements_are_refused(sample_page: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(sample_page.read_text() * 2)
    with pytest.raises(EvidenceError, match="carries no data of a run"):
        unpack(page, tmp_path / "out")


# -- size ----------------------------------------------------------------------------------------


def test_a_run_too_large_to_be_read_back_is_not_carried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lab.runs.report_evidence.MAX_DATA_BYTES", 1000)
    assert page_of(SAMPLE) == BODY


@pytest.mark.slow
def test_eight_hours_of_a_soak_take_little_room(tmp_path: Path) -> None:
    """Three blocks of two arms, 22 series of random figures, of which one is predicted."""
    run = shutil.copytree(ROOT / "tests" / "recorded" / "memory-leak", tmp_path / "run")
    chance = random.Random(1)
    for file in (run / "series").glob("*.intervals.jsonl"):
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        with file.open("w") as opened:
            for number in range(1920):
                values = {name: chance.random() * 1e9 for name in rows[0]["values"]}
                opened.write(to_line({"t": 5.0 * number, "segment": 0, "values": values}))
    assert sum(file.stat().st_size for file in (run / "series").iterdir()) > 5e6
    page = tmp_path / "report.html"
    page.write_text(page_of(run), encoding="utf-8")
    assert page.stat().st_size < 1_000_000
    unpacked = unpack(page, tmp_path / "out")
    assert all(trial.evidence for trial in unpacked.trials())
