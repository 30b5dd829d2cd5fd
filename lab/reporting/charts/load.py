"""The pictures of a load: curve, throughput, latency, parts of a request, second by second."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from lab.analysis.estimate import Estimate
from lab.number_format import percentage, plain, seconds
from lab.reporting.charts.style import (
    FAINT,
    INK,
    MEETS,
    PART,
    WIDTH,
    figure_of,
    legend,
    line_of,
    log_ticks,
    styled,
)
from lab.reporting.report_data import Breakdown, ThroughputPoint
from lab.reporting.sweep import SweepView
from lab.reporting.timeline import Series
from lab.stats.histogram import MIN_BEYOND, Histogram


@styled
def curve(data: SweepView) -> Figure:
    """An arm's throughput over the levels of a sweep, with its bounds, its knee and its law."""
    shape = data.shape
    figure, axes = figure_of(3.2)
    users = [point.users for point in shape.points]
    style = line_of(data.index)
    axes.set_xscale("log", base=2)
    axes.fill_between(
        users,
        [point.low for point in shape.points],
        [point.high for point in shape.points],
        color=style["color"], alpha=0.22, linewidth=0, label="lowest to highest block",
    )  # fmt: skip
    axes.plot(users, [point.throughput for point in shape.points], label="measured", **style)
    fewest, most = min(users), max(users)
    fine = [fewest * (most / fewest) ** (i / 200) for i in range(201)]
    tops = [point.high for point in shape.points]
    if shape.law is not None:
        fitted = [shape.law.throughput(n) for n in fine]
        axes.plot(fine, fitted, color=PART, linewidth=1.5, label="Universal Scalability Law")
    if shape.bounds is not None:
        allowed = [float(shape.bounds.throughput(n)) for n in fine]
        tops += allowed
        axes.plot(
            fine,
            allowed,
            color=INK,
            linewidth=1.2,
            linestyle=(0, (5, 3)),
            label="asymptotic bounds",
        )
    axes.set_ylim(0, 1.12 * max(tops))
    if shape.knee is not None:
        _mark(axes, shape.knee, "knee", 6)
    if shape.peak is not None and shape.peak.estimate < math.inf:
        _mark(axes, shape.peak, "peak", 22)
    axes.set_xlim(fewest / 1.1, most * 1.1)
    axes.xaxis.set_major_locator(FixedLocator(users))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: plain(value)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(data.load)
    axes.set_ylabel("requests a second")
    legend(figure, axes)
    return figure


def _mark(axes: Axes, found: Estimate, name: str, line: float) -> None:
    """A number of users, with its interval as a thicker foot; its name so many points above."""
    axes.axvline(found.estimate, color=FAINT, linewidth=1.2, linestyle=(0, (1.5, 2)))
    axes.plot([found.low, found.high], [0, 0], color=INK, linewidth=5, solid_capstyle="butt")
    axes.annotate(
        f"{name} {plain(found.estimate)}", (found.estimate, 0), (4, line),
        textcoords="offset points", ha="left", va="bottom", fontsize=9.5,
    )  # fmt: skip


@styled
def throughput(points: Mapping[str, Sequence[ThroughputPoint]]) -> Figure:
    """Throughput per block, by arm; hollow where the block does not count."""
    figure, axes = figure_of(3.0)
    step = 0.5 / max(len(points), 1)
    for index, (arm, own) in enumerate(points.items()):
        shift = (index - (len(points) - 1) / 2) * step  # equal arms would hide each other
        style = line_of(index)
        kept = [point for point in own if point.counted]
        lost = [point for point in own if not point.counted]
        axes.plot(
            [point.block + shift for point in kept],
            [point.value for point in kept],
            label=arm,
            **style,
        )
        axes.plot(
            [point.block + shift for point in lost],
            [point.value for point in lost],
            **{**style, "linestyle": "none", "markerfacecolor": "none"},
        )
    every = [point for own in points.values() for point in own]
    axes.set_ylim(0, 1.08 * max(point.value for point in every) or 1)
    whole = all(point.counted for point in every)
    axes.set_xlabel("block" if whole else "block (hollow: does not count)")
    axes.set_ylabel("requests a second")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="x", visible=False)
    legend(figure, axes)
    return figure


@styled
def latency(histograms: Mapping[str, Histogram]) -> Figure:
    """The share of requests that took longer, by arm, as far into the tail as samples allow."""
    figure, axes = figure_of(3.2)
    deepest = 0.1
    for index, (arm, histogram) in enumerate(histograms.items()):
        steps = [
            (edge, 1 - below)
            for edge, below in histogram.cdf()
            if (1 - below) * histogram.count >= MIN_BEYOND
        ]
        if not steps:
            continue
        deepest = min(deepest, steps[-1][1])
        # The first step starts where every request still was under way.
        edges = [histogram.min or steps[0][0], *(edge for edge, _ in steps)]
        axes.step(
            edges,
            [1.0, *(above for _, above in steps)],
            where="post",
            label=arm,
            markevery=max(1, len(steps) // 6),
            **{**line_of(index), "markersize": 4.5},
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(deepest * 0.8, 1.15)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: percentage(value)))
    axes.yaxis.set_minor_locator(NullLocator())
    log_ticks(axes, seconds)
    axes.set_xlabel("latency")
    axes.set_ylabel("requests that took longer")
    legend(figure, axes)
    return figure


@styled
def breakdown(data: Breakdown) -> Figure:
    """One thing against the rest of a request, a bar for each arm."""
    arms = list(data.parts)
    figure, axes = figure_of(0.95 + 0.36 * len(arms))
    timed = all(part.whole_s is not None for part in data.parts.values())
    wholes = [part.whole_s if timed and part.whole_s else 1.0 for part in data.parts.values()]
    for place, (part, whole) in enumerate(zip(data.parts.values(), wholes, strict=True)):
        first = place == 0
        taken = part.share * whole
        axes.barh(place, taken, 0.62, color=PART, label=data.name if first else None)
        axes.barh(
            place, whole - taken, 0.62, left=taken, facecolor=MEETS, edgecolor=PART,
            linewidth=0.8, hatch="////", label="the rest" if first else None,
        )  # fmt: skip
        axes.annotate(
            percentage(part.share), (whole, place), (5, 0),
            textcoords="offset points", va="center", fontsize=9.5,
        )  # fmt: skip
    axes.set_xlim(0, max(wholes) * 1.14)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_yticks(range(len(arms)), arms)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    form = seconds if timed else percentage
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: form(value) if value else "0"))
    axes.set_xlabel("time per request" if timed else "share of the time")
    legend(figure, axes)
    return figure


@styled
def series(data: Series, arms: Sequence[str]) -> Figure:
    """A small panel for each quantity, second by second, a line for each arm."""
    rows = (len(data.panels) + 1) // 2
    figure = Figure(figsize=(WIDTH, 0.55 + 1.25 * rows), layout="constrained")
    grid = figure.subplots(rows, 2, sharex=True, squeeze=False)
    for axes, panel in zip(grid.flat, data.panels, strict=False):
        short = panel.label if len(panel.label) <= 32 else f"{panel.label[:31]}…"
        axes.set_title(short, fontsize=9)
        _bands(axes, data)
        for index, arm in enumerate(arms):
            line = [(t, value) for t, value in panel.lines[arm] if value is not None]
            axes.plot(
                [t for t, _ in line],
                [value for _, value in line],
                label=arm,
                **{**line_of(index), "marker": "", "linewidth": 1.4},
            )
        values = [value for line in panel.lines.values() for _, value in line if value]
        axes.set_ylim(0, 1.08 * max(values, default=1))
        axes.yaxis.set_major_locator(MaxNLocator(3))
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.tick_params(labelsize=8.5, labelbottom=True)
    for axes in grid.flat[len(data.panels) :]:
        axes.set_axis_off()
    bands = "stages of the load" if data.stages else "shaded: measured"
    figure.supxlabel(f"seconds since the trial began ({bands})", fontsize=9.5)
    legend(figure, grid.flat[0])
    return figure


def _bands(axes: Axes, data: Series) -> None:
    """What was measured; of a load in stages, each stage with its name."""
    if data.window and not data.stages:
        axes.axvspan(*data.window, color=MEETS, linewidth=0)
    for index, (name, begin, end) in enumerate(data.stages):
        if index % 2 == 0:
            axes.axvspan(begin, end, color=MEETS, linewidth=0)
        axes.annotate(
            name, (begin, 1), (2, -2), xycoords=axes.get_xaxis_transform(),
            textcoords="offset points", ha="left", va="top", fontsize=7.5,
        )  # fmt: skip
