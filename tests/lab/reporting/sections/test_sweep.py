"""A sweep in the report: its curve, with bounds, knee, peak and law if there are any."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from lab.hypothesis import Sweep, load
from lab.reporting import render
from lab.runs.run_folder import RunFolder
from lab.stats.latency_histogram import Histogram
from lab.trials.plan import draw
from lab.trials.trial import LoadEvidence, Requests, Trial, Usage
from lab.verdict.rule import judge
from tests.lab.builders import ORDERS, with_load
from tests.lab.reporting.html_page import HtmlPage
from tests.lab.reporting.made_up_runs import Run

PROJECT = Path(__file__).parents[4]
LEVELS = (1, 2, 4, 8, 16, 32, 64)
Shown = Mapping[float, float]  # level -> requests a second

POOL: Shown = {n: min(n / 0.41, 31.25) for n in LEVELS}
PEAK: Shown = {n: 2.44 * n / (1 + 0.05 * (n - 1) + 0.95 / 256 * n * (n - 1)) for n in LEVELS}
LINEAR: Shown = {n: n / 0.41 for n in LEVELS}
DECLINE: Shown = {**POOL, 32: 30.0, 64: 28.75}


def swept(
    folder: Path, curve: Shown, *, rates: bool = False, blocks: int = 6, silent: int = 0
) -> Run:
    """A rendered run of pool-knee with this curve, each value off by two percent.

    In the last `silent` blocks nothing is answered at the highest level.
    """
    hypothesis = load(PROJECT / "hypotheses" / "pool-knee.md", PROJECT)
    if rates:
        levels = tuple(float(level) for level in curve)
        hypothesis = with_load(hypothesis, Sweep("rate", levels, "poisson"))
    plan = draw(hypothesis, 1, "local")
    run_folder = RunFolder(folder / "pool-knee" / "20250103-000000")
    for part in ("series", "profiles"):
        run_folder.path(part).mkdir(parents=True)
    run_folder.write_plan(plan, hypothesis.text)
    chance = random.Random(3)
    for block in range(1, blocks + 1):
        for position, step in enumerate(plan.orders[block - 1], 1):
            assert step.level is not None
            rate = curve[step.level] * chance.lognormvariate(0, 0.02)
            latency = Histogram()
            is_silent = block > blocks - silent and step.level == max(curve)
            count = 0 if is_silent else round(rate * 100)
            mean = 0.16 if rates and step.level < 32 else max(step.level / rate - 0.25, 0.16)
            latency.add_many([mean] * count)
            run_folder.add_trial(
                Trial(
                    block, position, step.arm, 1.7e9, 100.0, step.level,
                    evidence=LoadEvidence(
                        requests={ORDERS: Requests(count, 0, latency)},
                        counters={"db_pool_hold_seconds_sum": 480.0 + block},
                        usage={"service": Usage(0.1, 0.2, 9e7, 40, 6)},
                    ),
                )
            )  # fmt: skip
    verdict = judge(hypothesis, plan, run_folder.trials(), elapsed_s=100)
    run = Run(run_folder, hypothesis, plan, verdict)
    render(run_folder, hypothesis, plan, verdict)
    return run


def both_formats(run: Run) -> list[str]:
    """The report in both formats, as a reader sees it."""
    plain = MarkdownIt().enable("table").render(run.markdown)
    return [HtmlPage(run.html).text, HtmlPage(plain).text]


def chart(run: Run) -> str:
    """Throughput over the sweep's own drawing."""
    start = run.html.index("<h2>Throughput over the sweep</h2>")
    return run.html[start : run.html.index("</svg>", start)]


def test_a_pool_has_bounds_and_a_knee_and_no_peak(tmp_path: Path) -> None:
    run = swept(tmp_path, POOL)
    assert run.verdict.verdict == "CONFIRMED", run.verdict
    for text in both_formats(run):
        assert "Throughput of five levels off at 31" in text
        assert "Without queueing, a request takes 16" in text
        assert "meet at a knee of 12." in text or "meet at a knee of 13" in text
        assert "There is no peak in this range: throughput does not fall up to 42.7 users." in text
        assert "The Universal Scalability Law does not describe the sweep" in text
        assert "five has no peak up to 42.7; the rival predicts at most 40" in text
        assert "at 64 users" in text
    assert "asymptotic bounds" in chart(run)
    assert "knee 1" in chart(run)
    assert "Universal Scalability Law" not in chart(run).partition("<svg")[2]


def test_the_table_has_every_level(tmp_path: Path) -> None:
    run = swept(tmp_path, POOL)
    table = run.markdown.partition("## Throughput over the sweep")[2].partition("## What was")[0]
    rows = [line for line in table.splitlines() if line.startswith("| five")]
    assert [row.split("|")[2].strip() for row in rows] == [str(level) for level in LEVELS]
    highest = [cell.strip() for cell in rows[-1].split("|")]
    assert float(highest[3]) == pytest.approx(31.25, rel=0.03)
    assert float(highest[5]) == pytest.approx(31.25, rel=0.03)


def test_a_peak_has_the_parameters_of_the_law(tmp_path: Path) -> None:
    run = swept(tmp_path, PEAK)
    assert run.verdict.verdict == "REFUTED"
    for text in both_formats(run):
        assert "Throughput falls beyond a peak at 1" in text
        assert "The Universal Scalability Law describes 6 of 6 blocks" in text
        assert "contention σ 0.0" in text
    assert "Universal Scalability Law" in chart(run)
    assert "peak 1" in chart(run)


def test_a_slow_fall_is_named_where_a_peak_is_not_ruled_out(tmp_path: Path) -> None:
    run = swept(tmp_path, DECLINE)
    assert run.verdict.rivals[0].outcome == "undecided"
    for text in both_formats(run):
        assert "The blocks do not show whether throughput has a peak" in text
        assert "In the mean over blocks throughput is " in text
        assert "less at the highest level than at the best lower one." in text


def test_a_sweep_without_saturation_has_no_knee(tmp_path: Path) -> None:
    run = swept(tmp_path, LINEAR)
    for text in both_formats(run):
        assert "does not level off within the sweep" in text
        assert "knee of five: no evidence" in text
    assert "asymptotic bounds" not in chart(run).partition("<svg")[2]


def test_rates_are_drawn_in_requests_in_flight(tmp_path: Path) -> None:
    run = swept(tmp_path, {5: 5, 10: 10, 20: 20, 30: 30, 40: 31, 64: 31}, rates=True)
    page, _ = both_formats(run)
    assert "requests in flight" in page
    assert "pauses" not in page
    assert "arrivals /s" in page


def test_rates_that_begin_near_saturation_have_a_capacity_and_no_knee(tmp_path: Path) -> None:
    run = swept(tmp_path, {20: 20, 25: 25, 40: 31, 64: 31}, rates=True)
    for text in both_formats(run):
        assert "Throughput of five levels off at 3" in text
        assert "At the lowest level requests may queue already, so no knee is reported" in text
        assert "meet at a knee" not in text
    assert "knee " not in chart(run).partition("<svg")[2]


def test_blocks_in_which_a_level_had_no_answer_count_as_in_the_verdict(tmp_path: Path) -> None:
    run = swept(tmp_path, POOL, silent=2)
    assert run.verdict.predictions[0].estimate is None
    for text in both_formats(run):
        assert "In 2 of 6 blocks five has no curve" in text
        assert "Throughput of five levels off" not in text
    assert "asymptotic bounds" not in chart(run).partition("<svg")[2]


def test_an_arm_without_any_curve_is_named(tmp_path: Path) -> None:
    run = swept(tmp_path, POOL, blocks=2, silent=2)
    for text in both_formats(run):
        assert "No curve in any block: five. A level had no successful request." in text


def test_one_block_is_drawn_without_intervals(tmp_path: Path) -> None:
    run = swept(tmp_path, POOL, blocks=1)
    assert run.verdict.verdict is None
    for text in both_formats(run):
        assert "no bounded interval yet" in text
    assert "nan" not in chart(run).lower()
