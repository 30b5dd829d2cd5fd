"""The timed loops of every process of a benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lab.measures.number_format import seconds
from lab.reporting.charts.style import PAPER, WIDTH, arm_style, tick_format
from lab.reporting.charts.svg import as_svg
from lab.reporting.sections.benchmark import BenchmarkSection, ProcessRounds


@as_svg
def benchmark_rounds(section: BenchmarkSection) -> Figure:
    """A bar for each process, by arm; a panel for each level."""
    levels = {level: arms for level, arms in section.processes.items() if any(arms.values())}
    arm_count = len(next(iter(levels.values())))
    most = max(len(own) for by_arm in levels.values() for own in by_arm.values())
    columns = min(2, len(levels))
    rows = -(-len(levels) // columns)
    height = 0.5 + rows * (0.6 + arm_count * max(0.3, 0.05 * most))
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (level, by_arm) in zip(panels, levels.items(), strict=False):
        _bars(axes, by_arm)
        if level:
            axes.set_title(f"{section.parameter} {level}", fontsize=9)
        axes.tick_params(labelsize=8.5)
    for axes in list(panels)[len(levels) :]:
        axes.set_axis_off()
    figure.supxlabel("time per call", fontsize=9.5)
    return figure


def _bars(axes: Axes, by_arm: Mapping[str, Sequence[ProcessRounds]]) -> None:
    arms = list(by_arm)
    for place, arm in enumerate(arms):
        own = by_arm[arm]
        step = 0.84 / max(len(own), 1)
        for index, process in enumerate(own):
            y = place - 0.42 + (index + 0.5) * step
            _bar(axes, process, y, step, arm_style(place)["color"])
    axes.set_yticks(range(len(arms)), arms)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(arms) - 0.45, -0.55)
    axes.grid(axis="y", visible=False)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.xaxis.set_major_formatter(tick_format(seconds, bare_zero=True))


def _bar(axes: Axes, process: ProcessRounds, y: float, step: float, colour: str) -> None:
    """Half of the loops as a bar, minimum to p95 as a line, the median as a tick."""
    axes.plot([process.minimum, process.p95], [y, y], color=colour, linewidth=0.8)
    axes.barh(
        y, max(process.quartile_3 - process.quartile_1, 0.0), step * 0.72,
        left=process.quartile_1, edgecolor=colour, linewidth=0.9,
        facecolor=colour if process.counted else "none",
    )  # fmt: skip
    axes.plot(
        [process.median], [y], marker="|", color=PAPER if process.counted else colour,
        markersize=max(4.0, 40 * step), markeredgewidth=1.4,
    )  # fmt: skip
