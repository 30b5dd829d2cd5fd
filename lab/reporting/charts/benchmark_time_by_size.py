"""Time of a benchmark by the size of its input, on linear and on logarithmic scales."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lab.measures.number_format import seconds
from lab.reporting.charts.style import arm_style, legend, log_ticks, single_panel, tick_format
from lab.reporting.charts.svg import as_svg
from lab.reporting.sections.benchmark import BenchmarkSection, TimeBySize


@as_svg
def time_by_size_linear(section: BenchmarkSection, arms: Sequence[str]) -> Figure:
    """Time by size on linear scales: linear growth is a straight line."""
    figure, axes = _curves(section, arms, log=False)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(tick_format(_size))
    axes.yaxis.set_major_formatter(tick_format(seconds, bare_zero=True))
    return figure


@as_svg
def time_by_size_log(section: BenchmarkSection, arms: Sequence[str]) -> Figure:
    """Time by size on logarithmic scales: the slope far to the right is the exponent."""
    figure, axes = _curves(section, arms, log=True)
    axes.set_xscale("log")
    axes.set_yscale("log")
    log_ticks(axes, _size)
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    axes.yaxis.set_major_formatter(tick_format(seconds, bare_zero=True))
    return figure


def _curves(section: BenchmarkSection, arms: Sequence[str], *, log: bool) -> tuple[Figure, Axes]:
    figure, axes = single_panel(3.0)
    for arm, times in section.times_by_size.items():
        style = arm_style(arms.index(arm))
        _points(axes, times, None if section.has_curves else arm, style, log=log)
        if section.has_curves:
            _fit(axes, times, arm, style, log=log)
    axes.set_xlabel(section.parameter or "")
    axes.set_ylabel("time per call")
    legend(figure, axes)
    return figure, axes


def _points(
    axes: Axes, times: TimeBySize, label: str | None, style: dict[str, Any], *, log: bool
) -> None:
    shown = [
        (size, time)
        for size, own in zip(times.sizes, times.block_means, strict=True)
        for time in own
        if size > 0 or not log
    ]
    axes.plot(
        [size for size, _ in shown], [time for _, time in shown], label=label,
        **{**style, "linestyle": "none", "markersize": 4, "markerfacecolor": "none"},
    )  # fmt: skip


def _fit(axes: Axes, times: TimeBySize, arm: str, style: dict[str, Any], *, log: bool) -> None:
    positive = [size for size in times.sizes if size > 0]
    sizes = (
        np.geomspace(positive[0], positive[-1], 200)
        if log
        else np.linspace(times.sizes[0], positive[-1], 200)
    )
    if times.fitted is not None:
        values = times.fitted.at(sizes)
    else:
        mean = float(np.mean([time for own in times.block_means for time in own]))
        values = np.full_like(sizes, mean)
    axes.plot(sizes, values, label=arm, **{**style, "marker": ""})


def _size(value: float) -> str:
    return f"{value:,.12g}"
