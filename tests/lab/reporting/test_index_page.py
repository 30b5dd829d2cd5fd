from __future__ import annotations

import base64
import hashlib
import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.reporting.index_page import write_index
from lab.reporting.run_overview import commit_of
from tests.lab.reporting.html_page import HtmlPage
from tests.lab.reporting.many_runs import RECORDED, edit, make_runs
from tests.runs import lab


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    make_runs(folder / "reports")
    return folder


def index(reports: Path) -> str:
    write_index(reports)
    return (reports / "index.html").read_text(encoding="utf-8")


def rows(html: str) -> list[dict[str, str | None]]:
    return [attrs for tag, attrs in HtmlPage(html).tags if tag == "tr" and attrs]


def test_the_commit_of_a_run_is_that_of_its_code() -> None:
    own = {"commit": "a" * 40, "dirty": True}
    revisions = {"before": {"commit": "c" * 40}, "after": {"commit": "d" * 40}}
    assert commit_of(own) == "aaaaaaaaa*"
    assert commit_of({**own, "revisions": revisions}) == "ccccccccc..ddddddddd"
    assert commit_of({}) == ""


def test_every_run_is_listed_the_latest_first(project: Path) -> None:
    html = index(project / "reports")
    listed = rows(html)
    assert len(listed) == 35
    assert [row["data-name"] for row in listed[:7]] == ["memory-leak"] * 7
    assert [row["data-name"] for row in listed[-7:]] == ["pool-exhaustion"] * 7
    times = re.findall(r"2026-03-\d\d \d\d:\d\d", html)
    assert times == sorted(times, reverse=True)
    assert {row["data-kind"] for row in listed} == {"load", "benchmark", "soak"}
    refuted = [row for row in listed if row["data-verdict"] == "REFUTED"]
    assert {row["data-name"] for row in refuted} == {"pool-exhaustion", "open-spike", "serializer"}


def test_links_lead_to_reports_and_nothing_is_loaded(project: Path) -> None:
    reports = project / "reports"
    page = HtmlPage(index(reports))
    links = page.values("href")
    assert len(links) == 35
    assert all((reports / link).is_file() for link in links)
    assert not page.values("src")
    assert not {tag for tag, _ in page.tags} & {"link", "img", "iframe", "object", "embed"}


def test_the_policy_allows_the_one_script_by_its_digest(project: Path) -> None:
    html = index(project / "reports")
    [script] = re.findall(r"<script>(.*?)</script>", html, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(
        attrs["content"] or "" for _, attrs in HtmlPage(html).tags if "http-equiv" in attrs
    )
    assert policy.startswith("default-src 'none'; ")
    assert f"script-src 'sha256-{digest}'" in policy
    assert not any(key.startswith("on") for _, attrs in HtmlPage(html).tags for key in attrs)


def test_filters_offer_what_there_is(project: Path) -> None:
    html = index(project / "reports")
    options = re.findall(r"<option>([^<]+)</option>", html)
    assert set(options) >= {"CONFIRMED", "REFUTED", "load", "benchmark", "soak"}
    assert [attrs["name"] for tag, attrs in HtmlPage(html).tags if tag in ("select", "input")] == [
        "verdict",
        "kind",
        "name",
    ]


@pytest.mark.parametrize(
    "damage",
    [
        lambda run: (run / "verdict.json").write_text("{"),
        lambda run: (run / "verdict.json").write_text("[]"),
        lambda run: (run / "verdict.json").write_text('{"verdict": "CONFIRMED"}'),
        lambda run: (run / "plan.json").write_text("\x00"),
        lambda run: (run / "plan.json").write_bytes(b"\xff"),
        lambda run: (run / "hypothesis.md").unlink(),
        lambda run: (run / "journal.jsonl").write_text("[1]\n[2]\n"),
        lambda run: (run / "conditions.json").write_text("7"),
        lambda run: edit(run / "verdict.json", verdict="CONFIRMED", predictions=[], rivals=7),
    ],
)
def test_a_broken_run_says_so_and_the_others_are_listed(
    damage: Callable[[Path], object], tmp_path: Path
) -> None:
    make_runs(tmp_path, each=2)
    damage(sorted((tmp_path / "serializer").iterdir())[0])
    listed = rows(index(tmp_path))
    assert len(listed) == 10
    broken = [row for row in listed if row["data-verdict"] == "UNREADABLE"]
    assert [row["data-name"] for row in broken] == ["serializer"]


def test_what_is_no_run_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / "x" / "y").mkdir(parents=True)
    (tmp_path / "file").touch()
    (tmp_path / "x" / "latest").symlink_to("y")
    assert "There is no run yet." in index(tmp_path)


def test_a_run_without_a_verdict_is_listed(tmp_path: Path) -> None:
    make_runs(tmp_path, each=1)
    next((tmp_path / "memory-leak").iterdir()).joinpath("verdict.json").unlink()
    assert rows(index(tmp_path))[0]["data-verdict"] == "UNFINISHED"


def test_names_of_folders_are_text(tmp_path: Path) -> None:
    make_runs(tmp_path, each=1)
    hostile = tmp_path / "memory-leak" / "<script>&\"'%2e"
    next((tmp_path / "memory-leak").iterdir()).rename(hostile)
    (hostile / "plan.json").write_text("{")
    html = index(tmp_path)
    assert len(re.findall("<script", html)) == 1
    assert len(rows(html)) == 5


def test_writers_at_once_leave_a_whole_page(tmp_path: Path) -> None:
    make_runs(tmp_path, each=1)
    failed: list[BaseException] = []

    def write() -> None:
        try:
            for _ in range(5):
                write_index(tmp_path)
        except BaseException as error:
            failed.append(error)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failed
    assert len(rows((tmp_path / "index.html").read_text())) == 5


@pytest.mark.slow
def test_a_rendered_report_is_in_the_index(tmp_path: Path) -> None:
    (tmp_path / "hypotheses").mkdir()
    shutil.copytree(RECORDED / "pool-exhaustion", tmp_path / "reports" / "sample")
    assert lab("report", "sample", project=tmp_path).returncode == 0
    listed = rows((tmp_path / "reports" / "index.html").read_text())
    assert [(row["data-name"], row["data-verdict"]) for row in listed] == [
        ("pool-exhaustion", "CONFIRMED")
    ]
