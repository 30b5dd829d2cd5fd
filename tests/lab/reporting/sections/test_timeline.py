from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.reporting.charts import timeline
from lab.reporting.sections.timeline import timeline_section
from lab.reporting.trials_of_run import RunTrials
from lab.trial import LoadSlice
from tests.lab.builders import altered
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
