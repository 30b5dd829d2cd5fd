from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

import pytest

from lab.reporting import render
from tests.lab.reporting.html_page import HtmlPage
from tests.lab.reporting.made_up_runs import BLOCKS, HOSTILE, Run

each_verdict = pytest.mark.parametrize("name", BLOCKS)


@each_verdict
def test_the_page_loads_nothing(rendered: dict[str, Run], name: str) -> None:
    page = HtmlPage(rendered[name].html)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "a", "image"}
    assert not page.values("src")
    assert all(value.startswith("#") for value in page.values("href"))
    assert not any(key.startswith("on") for _, attrs in page.tags for key in attrs)
    assert "url(http" not in rendered[name].html and "@import" not in rendered[name].html
    policy = next(a["content"] for _, a in page.tags if "http-equiv" in a)
    allowed = "style-src 'unsafe-inline'; img-src data:"
    assert policy == f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


@each_verdict
def test_ids_are_unique_and_references_resolve(rendered: dict[str, Run], name: str) -> None:
    page = HtmlPage(rendered[name].html)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    clips = re.findall(r"url\(#([^)]+)\)", rendered[name].html)
    assert {value[1:] for value in page.values("href")} | set(clips) <= set(ids)


def test_hostile_text_is_shown_as_text(rendered: dict[str, Run]) -> None:
    assert HtmlPage(rendered["CONFIRMED"].html).text.count(HOSTILE) > 5


@each_verdict
def test_headings_descend_one_at_a_time(rendered: dict[str, Run], name: str) -> None:
    tags = HtmlPage(rendered[name].html).tags
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_charts_are_described(rendered: dict[str, Run]) -> None:
    charts = [attrs for _, attrs in HtmlPage(rendered["CONFIRMED"].html).tags if "role" in attrs]
    labels = [attrs["aria-label"] or "" for attrs in charts if attrs["role"] == "img"]
    assert len(labels) == 4 + 2 + 1 + 1
    assert any("supported: throughput of wide is 4.0" in label for label in labels)
    assert any("Pool wait as a share of" in label and "narrow 86" in label for label in labels)


def test_a_refuted_claim_shows_its_failed_prediction_first(rendered: dict[str, Run]) -> None:
    text = HtmlPage(rendered["REFUTED"].html).text
    assert text.index("✘ contradicted") < text.index("✔ supported")


def test_the_first_screen_of_an_invalid_run_has_no_results(rendered: dict[str, Run]) -> None:
    first, _, _ = HtmlPage(rendered["INVALID"].html).text.partition("Predictions")
    assert "cannot be trusted" in first and "Other processes kept the machine busy" in first
    assert "four times the pool" not in first.lower()


def test_a_run_without_any_trial_renders(make_run: Callable[..., Run]) -> None:
    run = make_run("INVALID", bare=True)
    run.run_folder.path("trials.jsonl").unlink()
    render(run.run_folder, run.hypothesis, run.plan, run.verdict)
    assert "No throughput was measured." in run.html


def test_the_page_says_that_it_carries_the_data_only_if_it_does(
    make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run("CONFIRMED", bare=True)
    for most, is_carried in ((64_000_000, True), (1000, False)):
        monkeypatch.setattr("lab.runs.report_evidence.MAX_DATA_BYTES", most)
        render(run.run_folder, run.hypothesis, run.plan, run.verdict)
        assert ('<template id="evidence"' in run.html) == is_carried
        assert ("This page carries the data" in HtmlPage(run.html).text) == is_carried


def test_a_page_too_large_to_be_read_back_goes_without_the_data(
    make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run("CONFIRMED", bare=True)
    monkeypatch.setattr("lab.reporting.MAX_PAGE_BYTES", 1000)
    render(run.run_folder, run.hypothesis, run.plan, run.verdict)
    assert '<template id="evidence"' not in run.html
    assert "This page carries the data" not in HtmlPage(run.html).text
