from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from lab.hypothesis import Benchmark, Parameter, Step
from lab.reporting.charts import time_by_size_linear, time_by_size_log
from lab.reporting.sections.benchmark import BenchmarkSection, benchmark_section
from lab.reporting.trials_of_run import RunTrials
from lab.trials.trial import BenchmarkEvidence, Timing, Trial
from tests.default_margins import MARGINS
from tests.lab.builders import SHIPPED
from tests.lab.reporting.figures import figure_of, legend_of


class NoRounds:
    """In place of a run folder: the loops of no process were kept."""

    def rounds(self, trial: Trial) -> list[float]:
        return []


def section_of(sizes: tuple[float, ...], times: Mapping[str, Sequence[float]]) -> BenchmarkSection:
    """Two blocks in which each arm takes the same time at each size."""
    kind = Benchmark("min", window_s=0.9, budget_s=600.0, parameter=Parameter("n", sizes))
    hypothesis = replace(SHIPPED, kind=kind, arms={arm: {} for arm in times})
    blocks = tuple(
        {
            Step(arm, size): (
                Trial(
                    block, 1, arm, 0.0, 1.0, size,
                    evidence=BenchmarkEvidence(Timing("min", 5, 1, time, time)),
                ),
            )
            for arm, own in times.items()
            for size, time in zip(sizes, own, strict=True)
        }
        for block in (1, 2)
    )  # fmt: skip
    trials = tuple(trial for block in blocks for own in block.values() for trial in own)
    run_folder: Any = NoRounds()
    section = benchmark_section(run_folder, RunTrials(hypothesis, trials, blocks, MARGINS))
    assert section is not None
    return section


@pytest.mark.parametrize("chart", [time_by_size_linear, time_by_size_log])
def test_two_sizes_have_no_curve_and_no_formula(chart: Any) -> None:
    section = section_of((1.0, 2.0), {"narrow": (1.0, 100.0), "wide": (1.0, 1.0)})
    assert section.size_caption == "Each marker is a block. A curve needs at least 4 sizes."
    figure = figure_of(chart, section, ["narrow", "wide"])
    [axes] = figure.axes
    assert [line.get_linestyle() for line in axes.get_lines()] == ["None", "None"]
    assert legend_of(figure) == ["narrow", "wide"]


@pytest.mark.parametrize("chart", [time_by_size_linear, time_by_size_log])
def test_four_sizes_have_a_curve_which_may_be_constant(chart: Any) -> None:
    sizes = (1.0, 4.0, 16.0, 64.0)
    section = section_of(sizes, {"narrow": sizes, "wide": (1.0, 1.0, 1.0, 1.0)})
    assert "n^1.00" in section.size_caption
    assert section.size_caption.endswith("wide grows by less than 20%.")
    figure = figure_of(chart, section, ["narrow", "wide"])
    [axes] = figure.axes
    assert len([line for line in axes.get_lines() if line.get_linestyle() != "None"]) == 2
    assert legend_of(figure) == ["narrow", "wide"]
