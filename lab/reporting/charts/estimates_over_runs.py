"""The estimate of one prediction over the runs of a hypothesis, with intervals and bound."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, NullLocator

from lab.reporting.charts.style import (
    FAINT,
    INK,
    MEETS,
    PAPER,
    TONES,
    single_panel,
    tick_format,
)
from lab.reporting.charts.svg import as_svg
from lab.reporting.run_history import EstimatePanel, EstimatePoint
from lab.verdict.wording import Tone

_MARKERS: dict[Tone, str] = {"good": "o", "bad": "X", "open": "D"}
_EDITED = 0.35  # opacity of runs whose claim was another


@as_svg
def estimates_over_runs(panel: EstimatePanel) -> Figure:
    """One panel; runs are numbered as in the table beside it."""
    figure, axes = single_panel(2.1)
    latest = panel.latest
    low, high = _limits(panel)
    if latest.scale == "ratio":
        axes.set_yscale("log")
        axes.axhline(1, color=FAINT, linewidth=1, linestyle=(0, (1.5, 2)))
        _log_ticks(axes, high / low)
    else:
        axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(tick_format(latest.axis_format))
    axes.set_ylim(low, high)
    numbers = [point.number for point in panel.points]
    axes.set_xlim(min(numbers) - 0.6, max(numbers) + 0.6)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("run")
    _bound(axes, panel, low, high)
    for point in panel.points:
        _estimate(axes, point, low, high)
    return figure


def _estimate(axes: Axes, point: EstimatePoint, low: float, high: float) -> None:
    result = point.result
    colour, opacity = TONES[result.tone], 1.0 if point.same_claim else _EDITED
    ends = [low if result.low is None else result.low, high if result.high is None else result.high]
    axes.plot([point.number] * 2, ends, color=colour, linewidth=1.8, alpha=opacity)
    if result.estimate is None:
        return  # there is none up to where the line begins
    axes.plot(
        [point.number], [result.estimate], marker=_MARKERS[result.tone], markersize=5.5,
        markerfacecolor=PAPER if result.tone == "open" else colour, markeredgecolor=colour,
        alpha=opacity, linestyle="none",
    )  # fmt: skip


def _bound(axes: Axes, panel: EstimatePanel, low: float, high: float) -> None:
    """Shade what meets the bound of the latest run."""
    bound = panel.latest.bound
    bottom, top = bound.within or (bound.at_least, bound.at_most)
    axes.axhspan(
        low if bottom is None else bottom, high if top is None else top, color=MEETS, linewidth=0
    )
    for edge in (bottom, top):
        if edge is not None:
            axes.axhline(edge, color=INK, linewidth=1.1)


def _log_ticks(axes: Axes, span: float) -> None:
    narrow = span < 4  # 1, 2 and 5 would leave it nearly without a tick
    axes.yaxis.set_major_locator(MaxNLocator(4) if narrow else LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())


def _limits(panel: EstimatePanel) -> tuple[float, float]:
    """From the lowest to the highest value that is drawn, with a margin."""
    latest = panel.latest
    bound = latest.bound
    values = [
        value
        for point in panel.points
        for value in (point.result.estimate, point.result.low, point.result.high)
    ]
    values += [bound.at_least, bound.at_most, *(bound.within or ())]
    drawn = [value for value in values if value is not None and math.isfinite(value)]
    if latest.scale == "ratio":
        above = [1.0, *(value for value in drawn if value > 0)]
        pad = max((max(above) / min(above)) ** 0.1, 1.04)
        return min(above) / pad, max(above) * pad
    low, high = min(drawn), max(drawn)
    if latest.scale == "share":
        return max(-0.01, low - 0.08), min(1.01, high + 0.08)
    pad = (high - low) * 0.1 or abs(high) * 0.1 or 1.0
    return low - pad, high + pad
