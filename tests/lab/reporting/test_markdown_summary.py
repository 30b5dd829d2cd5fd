from __future__ import annotations

import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from lab.reporting.markdown_summary import MAX_CHARACTERS, markdown_summary
from tests.lab.reporting.html_page import HtmlPage
from tests.lab.reporting.made_up_runs import BLOCKS, HOSTILE, Run


def summary(run: Run) -> str:
    return markdown_summary(run.run_folder, run.hypothesis, run.plan, run.verdict)


def shown(run: Run) -> HtmlPage:
    """As a site shows it: GitHub reads HTML within Markdown, and tables."""
    return HtmlPage(MarkdownIt("commonmark", {"html": True}).enable("table").render(summary(run)))


@pytest.mark.parametrize("name", BLOCKS)
def test_the_verdict_comes_first_and_the_rest_is_folded(
    rendered: dict[str, Run], name: str
) -> None:
    text = summary(rendered[name])
    first, second, *_ = text.split("\n\n")
    assert re.fullmatch(rf"### \S {name}: Why does checkout slow to a crawl .*\?", first)
    assert second.startswith(("**", "- Other processes"))
    head, *folded = text.split("<details>")
    assert len(head) < 900
    assert len(folded) == 2
    assert all("</details>" in each for each in folded)


def test_the_figure_that_decided_stands_below_the_verdict(rendered: dict[str, Run]) -> None:
    _, second, *_ = summary(rendered["REFUTED"]).split("\n\n")
    assert second.startswith("**✘ contradicted**: throughput of wide is 1.0")
    assert "predicted: at least 2.5×; decided after 4 of 4 blocks." in second


def test_a_page_shows_tables_and_folds(rendered: dict[str, Run]) -> None:
    page = shown(rendered["CONFIRMED"])
    tags = [tag for tag, _ in page.tags]
    assert tags.count("details") == tags.count("summary") == 2
    assert tags.count("table") == 1
    assert tags.count("tr") == 1 + 4
    assert "An example processor, 2 cores" in page.text
    assert "make experiment NAME=pool-exhaustion SEED=20250103" in page.text


def test_hostile_text_stays_text(rendered: dict[str, Run]) -> None:
    run = rendered["CONFIRMED"]
    claim = f"{HOSTILE}</details><img src=x>\n# heading"
    run = replace(run, hypothesis=replace(run.hypothesis, claim=claim, question=claim))
    page = shown(run)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "img", "h1"}
    assert HOSTILE in page.text


def test_a_summary_fits_into_a_comment(rendered: dict[str, Run]) -> None:
    run = rendered["CONFIRMED"]
    long = "word " * 20_000
    predictions = tuple(replace(p, says=long) for p in run.verdict.predictions) * 30
    asked = tuple(run.hypothesis.predictions) * 30
    run = replace(
        run,
        hypothesis=replace(run.hypothesis, question=long, claim=long, predictions=asked),
        verdict=replace(run.verdict, predictions=predictions),
    )
    text = summary(run)
    assert len(text) < MAX_CHARACTERS
    assert "Too long for a comment" in text
    assert text.count("<details>") == text.count("</details>") == 2
