from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.colors import to_hex

from lab.hypothesis import Step, load
from lab.reporting.charts import soak_series
from lab.reporting.charts.style import ARMS, GRID
from lab.reporting.sections.soak import SoakSection, soak_section
from lab.reporting.trials_of_run import RunTrials
from lab.trials.plan import draw
from tests.lab.builders import PROJECT
from tests.lab.reporting.figures import figure_of, legend_of
from tests.oracles.soaks import INTERVALS, memory_series, soak_blocks

SHIPPED = load(PROJECT / "hypotheses" / "memory-leak.md", PROJECT)


class NothingUnderWay:
    """In place of a run folder: every trial has ended."""

    def unfinished_soak_trial(self, block: int, step: Step) -> None:
        return None


def section_of(segments: list[int]) -> SoakSection:
    """Two blocks in which the arm "with" was cut into these segments, one for each interval."""
    rng = np.random.default_rng(3)
    cut: npt.NDArray[np.int64] = np.array(segments, dtype=np.int64)
    blocks = soak_blocks(rng, 2, lambda: memory_series(rng, 60, cut))
    made = [trial for block in blocks for trials in block.values() for trial in trials]
    plan = replace(draw(SHIPPED, 1, "local"), length_s=3600.0)
    run_folder: Any = NothingUnderWay()
    section = soak_section(run_folder, RunTrials.sort(SHIPPED, plan, made), plan)
    assert section is not None
    return section


def test_a_segment_lasts_from_the_end_of_the_one_before() -> None:
    section = section_of([0] * 12 + [1] + [2] * (INTERVALS - 13))
    assert [row[1:3] for row in section.segments.rows] == [("with", "60 s, 5 s, 835 s")] * 2


def test_the_legend_names_an_arm_whose_first_segment_is_too_short_for_a_fit() -> None:
    section = section_of([0] + [1] * (INTERVALS - 1))
    first, second, *_ = section.panels[0].arms["with"]
    assert first.fit is None and second.fit is not None
    assert legend_of(figure_of(soak_series, section, list(SHIPPED.arms))) == list(SHIPPED.arms)


@pytest.mark.parametrize(
    ("segments", "shades"),
    [
        ([0] * INTERVALS, {GRID: 2}),  # of both blocks
        ([0] * 90 + [1] * 90, {ARMS[0]: 4, ARMS[1]: 2}),
    ],
)
def test_what_does_not_count_of_one_arm_has_its_colour(
    segments: list[int], shades: dict[str, int]
) -> None:
    figure = figure_of(soak_series, section_of(segments), ["with", "without"])
    patches = figure.axes[0].patches
    assert Counter(to_hex(patch.get_facecolor()) for patch in patches) == shades
