from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.hypothesis import MetricGauge
from lab.reporting.charts import timeline
from lab.reporting.charts.style import fitting
from lab.reporting.sections.timeline import MAX_PANELS, timeline_section
from lab.reporting.trials_of_run import RunTrials
from lab.trials.trial import LoadSlice
from tests.lab.builders import altered
from tests.lab.reporting.html_page import HtmlPage
from tests.lab.reporting.made_up_runs import Run


class Recorded:
    """Rows of a block in place of those of a run folder."""

    def __init__(self, **metrics: tuple[float, ...]) -> None:
        self._metrics = metrics

    def series(self, block: int, step: Any) -> list[dict[str, Any]]:
        return [
            {
                "t": float(second + 1),
                "window": True,
                "requests": {},
                "metrics": {name: values[second] for name, values in self._metrics.items()},
                "postgres": {"waiting": 0},
            }
            for second in range(2)
        ]


@pytest.mark.parametrize("moving", [(0.0, 0.0), (0.0, 1.0), (2.0, 2.0)])
def test_what_stayed_at_zero_is_named_in_a_line(
    moving: tuple[float, float], rendered: dict[str, Run]
) -> None:
    run = rendered["CONFIRMED"]
    trials = RunTrials.sort(run.hypothesis, run.plan, run.run_folder.trials())
    recorded = Recorded(rooms=(0.0, 0.0), queue=moving)
    section = timeline_section(recorded, trials)  # type: ignore[arg-type]
    assert section is not None
    drawn = [panel.title for panel in section.panels]
    assert "throughput" in drawn  # even at zero: it is what is measured
    assert "rooms" not in drawn and "PostgreSQL sessions waiting" not in drawn
    assert ("queue" in drawn) == any(moving)
    named = ["queue"] * (not any(moving))
    assert section.zero_series == ", ".join([*named, "rooms", "PostgreSQL sessions waiting"])
    assert [row[0] for row in section.table.rows] == [panel.label for panel in section.panels]


def test_times_of_slices_are_those_under_load(rendered: dict[str, Run]) -> None:
    run = rendered["CONFIRMED"]
    trials = RunTrials.sort(run.hypothesis, run.plan, run.run_folder.trials())
    one = LoadSlice(1, 1.0, 1.0, 0.0, 1.25, 0.0, {}, {}, {})
    sliced = replace(trials, all=tuple(altered(each, slices=(one,)) for each in trials.all))
    recorded = Recorded(queue=(1.0, 2.0))
    for found, times in ((trials, "since the trial began"), (sliced, "under load")):
        section = timeline_section(recorded, found)  # type: ignore[arg-type]
        assert section is not None
        assert f"seconds {times} (shaded: measured window)" in timeline(section, trials.arms)


def test_the_series_that_move_most_are_drawn_and_all_are_in_the_table(
    rendered: dict[str, Run],
) -> None:
    run = rendered["CONFIRMED"]
    hypothesis = replace(run.hypothesis, measures={"depth": MetricGauge("gauge_00", "max")})
    trials = RunTrials.sort(hypothesis, run.plan, run.run_folder.trials())
    recorded = Recorded(**{f"gauge_{n:02}": (10.0, 10.0 + n) for n in range(30)})
    section = timeline_section(recorded, trials)  # type: ignore[arg-type]
    assert section is not None
    titles = [panel.title for panel in section.panels]
    most = [f"gauge_{n}" for n in range(18, 30)]
    assert titles == ["throughput", "gauge_00", *most] and len(titles) == MAX_PANELS
    assert len(section.table.rows) == 31
    assert section.caption.endswith("The 17 series that move least are in the table alone.")


def test_long_titles_that_begin_alike_do_not_look_alike() -> None:
    begin, end = "http_server_active_requests_of", "at_the_end_of_a_long_name"
    assert fitting(["short", f"{begin}_first", f"{begin}_second"]) == [
        "short",
        "http_server_acti…quests_of_first",
        "http_server_acti…uests_of_second",
    ]
    alike = fitting([f"{begin}_{each}_{end}" for each in ("first", "second")])
    assert len(set(alike)) == 2 and all(len(title) <= 32 for title in alike)


def test_a_block_that_does_not_count_is_called_that(rendered: dict[str, Run]) -> None:
    run = rendered["CONFIRMED"]
    trials = RunTrials.sort(run.hypothesis, run.plan, run.run_folder.trials())
    for found, title in ((trials, "Block 4"), (replace(trials, blocks=()), "Block 1, which does")):
        section = timeline_section(Recorded(), found)  # type: ignore[arg-type]
        assert section is not None
        assert section.title.startswith(title)
        assert section.title.endswith("which does not count") == (found is not trials)


def test_both_formats_say_that_the_block_does_not_count(rendered: dict[str, Run]) -> None:
    for text in (HtmlPage(rendered["INVALID"].html).text, rendered["INVALID"].markdown):
        assert "which does not count" in text
