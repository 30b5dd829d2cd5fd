"""What a report contains, in both formats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from lab.reporting import render
from tests.lab.reporting.html_page import HtmlPage
from tests.lab.reporting.made_up_runs import BLOCKS, Run


@pytest.mark.parametrize("name", BLOCKS)
def test_both_formats_have_the_same_content(rendered: dict[str, Run], name: str) -> None:
    run = rendered[name]
    page = HtmlPage(run.html).text
    plain = HtmlPage(MarkdownIt().enable("table").render(run.markdown)).text
    hypothesis = run.hypothesis
    expected = [name, hypothesis.question, hypothesis.claim, *hypothesis.arms]
    expected += [prediction.says[1:] for prediction in hypothesis.predictions]
    for rival in hypothesis.rivals:
        expected += [rival.claim[1:], rival.prediction.says]
    expected += ["INCONCLUSIVE once, CONFIRMED once", "edited after 1 earlier run: REFUTED once"]
    expected += ["make experiment NAME=pool-exhaustion SEED=20250103", "An example processor"]
    expected += [run.plan.digest, "to .024 at a correlation of .2"]
    expected += ["Other processes kept the machine"]
    for text in expected:
        assert text in page
        assert text in plain


def test_arms_that_differ_in_several_settings_are_named(make_run: Callable[..., Run]) -> None:
    run = make_run("CONFIRMED")
    note = "narrow and wide are given 2 settings differently (DB_POOL_SIZE, PRICING_CAPACITY)"
    render(run.run_folder, run.hypothesis, run.plan, run.verdict)
    assert note not in run.markdown
    arms = {**run.hypothesis.arms, "wide": {"DB_POOL_SIZE": "20", "PRICING_CAPACITY": "200"}}
    render(run.run_folder, replace(run.hypothesis, arms=arms), run.plan, run.verdict)
    assert note in HtmlPage(run.html).text
    assert note in run.markdown


def test_the_same_run_renders_to_the_same_bytes(rendered: dict[str, Run]) -> None:
    run = rendered["REFUTED"]
    before = (run.html, run.markdown)
    render(run.run_folder, run.hypothesis, run.plan, run.verdict)
    assert (run.html, run.markdown) == before


def test_what_is_missing_is_reported(make_run: Callable[..., Run]) -> None:
    run = make_run("CONFIRMED", bare=True)
    render(run.run_folder, run.hypothesis, run.plan, run.verdict)
    for text in (HtmlPage(run.html).text, run.markdown):
        assert "This is the first run of this claim." in text
        assert "No time series was recorded." in text
        assert "Not recorded." in text
        assert "too few samples" in text
        assert "Profiles" not in text
