from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from markdown_it import MarkdownIt

from lab.reporting import render
from lab.reporting.markdown_syntax import code_block, escaped

Make = Callable[..., Any]
VERDICTS = ("CONFIRMED", "REFUTED", "INCONCLUSIVE", "INVALID")


class Page(HTMLParser):
    """What a browser would see of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def values(self, name: str) -> list[str]:
        return [value for _, attrs in self.tags if (value := attrs.get(name)) is not None]


@pytest.fixture(scope="module")
def runs(make: Make) -> dict[str, Any]:
    """A rendered run for each verdict."""
    made = {name: make(name) for name in VERDICTS}
    for run in made.values():
        render(run.run_folder, run.hypothesis, run.plan, run.verdict)
    return made


@pytest.mark.parametrize("name", VERDICTS)
def test_the_page_reaches_for_nothing(runs: dict[str, Any], name: str) -> None:
    page = Page(runs[name].html)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "a", "image"}
    assert not page.values("src")
    assert all(value.startswith("#") for value in page.values("href"))
    assert not any(key.startswith("on") for _, attrs in page.tags for key in attrs)
    assert "url(http" not in runs[name].html and "@import" not in runs[name].html
    policy = next(a["content"] for _, a in page.tags if "http-equiv" in a)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@pytest.mark.parametrize("name", VERDICTS)
def test_ids_are_unique_and_references_resolve(runs: dict[str, Any], name: str) -> None:
    page = Page(runs[name].html)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    clips = re.findall(r"url\(#([^)]+)\)", runs[name].html)
    assert {value[1:] for value in page.values("href")} | set(clips) <= set(ids)


@pytest.mark.parametrize("name", VERDICTS)
def test_both_formats_tell_the_same(runs: dict[str, Any], name: str) -> None:
    run = runs[name]
    page, plain = Page(run.html).text, Page(MarkdownIt().enable("table").render(run.markdown)).text
    hypothesis = run.hypothesis
    told = [name, hypothesis.question, hypothesis.claim, *hypothesis.arms]
    told += [prediction.says[1:] for prediction in hypothesis.predictions]
    for rival in hypothesis.rivals:
        told += [rival.claim[1:], rival.prediction.says]
    told += ["INCONCLUSIVE once, CONFIRMED once", "were edited since 1 earlier run: REFUTED once"]
    told += ["make experiment NAME=pool-exhaustion SEED=20250103", "An example processor"]
    told += [run.plan.digest, "to .024 at a correlation of .2", "Other processes kept the machine"]
    for words in told:
        assert words in page
        assert words in plain


def test_hostile_text_is_shown_not_run(runs: dict[str, Any]) -> None:
    run = runs["CONFIRMED"]
    hostile = "<script>alert(1)</script>|`x`\"'&"
    assert Page(run.html).text.count(hostile) > 5
    shown = MarkdownIt("commonmark", {"html": True}).enable("table").render(run.markdown)
    assert not {"script", "img"} & {tag for tag, _ in Page(shown).tags}
    assert Page(shown).text.count(hostile) > 5


def test_tables_of_the_markdown_are_well_formed(runs: dict[str, Any]) -> None:
    for run in runs.values():
        tables = re.findall(r"(?:^\|.*\n)+", run.markdown, re.M)
        assert len(tables) > 5
        for table in tables:
            bars = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
            assert len(bars) == 1


def test_headings_descend_one_at_a_time(runs: dict[str, Any]) -> None:
    for run in runs.values():
        levels = [int(tag[1]) for tag, _ in Page(run.html).tags if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1 and levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))


def test_pictures_are_described(runs: dict[str, Any]) -> None:
    pictures = [attrs for _, attrs in Page(runs["CONFIRMED"].html).tags if "role" in attrs]
    labels = [attrs["aria-label"] or "" for attrs in pictures if attrs["role"] == "img"]
    assert len(labels) == 4 + 2 + 1 + 1
    assert any("supported: throughput of wide is 4.0" in label for label in labels)
    assert any("Pool wait as a share of" in label and "narrow 86" in label for label in labels)


def test_same_run_same_bytes(runs: dict[str, Any]) -> None:
    run = runs["REFUTED"]
    before = (run.html, run.markdown)
    render(run.run_folder, run.hypothesis, run.plan, run.verdict)
    assert (run.html, run.markdown) == before


def test_a_refuted_claim_shows_its_failed_prediction_first(runs: dict[str, Any]) -> None:
    text = Page(runs["REFUTED"].html).text
    assert text.index("✘ contradicted") < text.index("✔ supported")


def test_an_invalid_run_claims_nothing_on_its_first_screen(runs: dict[str, Any]) -> None:
    first, _, _ = Page(runs["INVALID"].html).text.partition("Predictions")
    assert "not to be trusted" in first and "Other processes kept the machine busy" in first
    assert "four times the pool" not in first.lower()


def test_what_is_missing_is_said(make: Make) -> None:
    run = make("CONFIRMED", bare=True)
    render(run.run_folder, run.hypothesis, run.plan, run.verdict)
    for told in (Page(run.html).text, run.markdown):
        assert "This is the first run of this claim." in told
        assert "No series was kept." in told
        assert "Not recorded." in told
        assert "too few samples" in told
        assert "Profiles" not in told


def test_a_run_without_any_trial_renders(make: Make) -> None:
    run = make("INVALID", bare=True)
    run.run_folder.path("trials.jsonl").unlink()
    render(run.run_folder, run.hypothesis, run.plan, run.verdict)
    assert "No throughput was measured." in run.html


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a|b\nc", r"a\|b c"),
        ("pool_wait_share _x_", r"pool_wait_share \_x\_"),
        ("<b> & `c`", r"&lt;b&gt; &amp; \`c\`"),
        ("# no heading", r"\# no heading"),
    ],
)
def test_markdown_text(raw: str, shown: str) -> None:
    assert escaped(raw) == shown


def test_a_fence_outlasts_its_content() -> None:
    assert code_block("```\nx") == "````text\n```\nx\n````"
