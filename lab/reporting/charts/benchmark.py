"""The pictures of a benchmark: every process with its rounds, and growth in two scales."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lab.number_format import seconds
from lab.reporting.benchmark import ComplexityView, Process
from lab.reporting.charts.style import (
    PAPER,
    WIDTH,
    figure_of,
    legend,
    line_of,
    log_ticks,
    styled,
)


@styled
def rounds(
    processes: Mapping[str, Mapping[str, Sequence[Process]]], parameter: str | None
) -> Figure:
    """A bar for each process, by arm; a panel for each level."""
    levels = {level: arms for level, arms in processes.items() if any(arms.values())}
    arms = list(next(iter(processes.values())))
    most = max(len(own) for by_arm in levels.values() for own in by_arm.values())
    columns = min(2, len(levels))
    rows = -(-len(levels) // columns)
    height = 0.5 + rows * (0.6 + len(arms) * max(0.3, 0.05 * most))
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (level, by_arm) in zip(panels, levels.items(), strict=False):
        for place, arm in enumerate(arms):
            own = by_arm[arm]
            style = line_of(place)
            step = 0.84 / max(len(own), 1)
            for index, process in enumerate(own):
                y = place - 0.42 + (index + 0.5) * step
                colour = style["color"]
                axes.plot([process.low, process.high], [y, y], color=colour, linewidth=0.8)
                axes.barh(
                    y, max(process.three_quarters - process.quarter, 0.0), step * 0.72,
                    left=process.quarter, edgecolor=colour, linewidth=0.9,
                    facecolor=colour if process.counted else "none",
                )  # fmt: skip
                axes.plot(
                    [process.middle], [y], marker="|", color=PAPER if process.counted else colour,
                    markersize=max(4.0, 40 * step), markeredgewidth=1.4,
                )  # fmt: skip
        axes.set_yticks(range(len(arms)), arms)
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(arms) - 0.45, -0.55)
        axes.grid(axis="y", visible=False)
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.xaxis.set_major_formatter(
            FuncFormatter(lambda value, _: seconds(value) if value else "0")
        )
        if level:
            axes.set_title(f"{parameter} {level}", fontsize=9)
        axes.tick_params(labelsize=8.5)
    for axes in list(panels)[len(levels) :]:
        axes.set_axis_off()
    figure.supxlabel("time per call", fontsize=9.5)
    return figure


@styled
def growth_linear(
    curves: Mapping[str, ComplexityView], parameter: str, arms: Sequence[str]
) -> Figure:
    """Time by size, both as they are: what is linear is a straight line."""
    return _growth(curves, parameter, arms, log=False)


@styled
def growth_log(curves: Mapping[str, ComplexityView], parameter: str, arms: Sequence[str]) -> Figure:
    """Time by size on logarithmic scales: the slope far out is the exponent."""
    return _growth(curves, parameter, arms, log=True)


def _growth(
    curves: Mapping[str, ComplexityView], parameter: str, arms: Sequence[str], *, log: bool
) -> Figure:
    figure, axes = figure_of(3.0)
    for arm, growth in curves.items():
        style = line_of(arms.index(arm))
        shown = [
            (size, time)
            for size, own in zip(growth.sizes, growth.points, strict=True)
            for time in own
            if size > 0 or not log
        ]
        axes.plot(
            [size for size, _ in shown], [time for _, time in shown],
            **{**style, "linestyle": "none", "markersize": 4, "markerfacecolor": "none"},
        )  # fmt: skip
        sizes = [size for size in growth.sizes if size > 0]
        grid = (
            np.geomspace(sizes[0], sizes[-1], 200)
            if log
            else np.linspace(growth.sizes[0], sizes[-1], 200)
        )
        if growth.fitted is not None:
            times = growth.fitted.at(grid)
        else:
            level = float(np.mean([time for own in growth.points for time in own]))
            times = np.full_like(grid, level)
        axes.plot(grid, times, label=arm, **{**style, "marker": ""})
    if log:
        axes.set_xscale("log")
        axes.set_yscale("log")
        log_ticks(axes, lambda value: f"{value:,.12g}")
        axes.yaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    else:
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.12g}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: seconds(value) if value else "0"))
    axes.set_xlabel(parameter)
    axes.set_ylabel("time per call")
    legend(figure, axes)
    return figure
