"""The strip of a prediction: estimate, interval and bound on one axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lab.reporting.charts.style import (
    FAINT,
    INK,
    MEETS,
    PAPER,
    TONES,
    log_ticks,
    single_panel,
    tick_format,
)
from lab.reporting.charts.svg import as_svg
from lab.reporting.sections.predictions import PredictionResult
from lab.verdict.wording import Tone

CARD = 4.5  # inches: within a card
_MARKERS: Mapping[Tone, str] = {"good": "o", "bad": "X", "open": "D"}


def prediction_strips(results: Sequence[PredictionResult]) -> list[str]:
    """One strip for each result; ratios share one logarithmic axis."""
    ratios = [result for result in results if result.scale == "ratio"]
    limits = _ratio_limits(ratios) if ratios else (0.5, 2.0)
    return [
        _strip(result, limits if result.scale == "ratio" else _limits(result)) for result in results
    ]


@as_svg
def _strip(result: PredictionResult, limits: tuple[float, float]) -> Figure:
    figure, axes = single_panel(0.92, CARD)
    _axis(axes, result, limits)
    _bound(axes, result, limits)
    if result.estimate is None and result.low is None:
        axes.text(0.5, 0.5, "no evidence", transform=axes.transAxes, ha="center", va="center")
    else:
        _interval(axes, result, limits)
    return figure


def _axis(axes: Axes, result: PredictionResult, limits: tuple[float, float]) -> None:
    axes.set_xlim(*limits)
    if result.scale == "ratio":
        axes.set_xscale("log")
        axes.axvline(1, color=FAINT, linewidth=1, linestyle=(0, (1.5, 2)))
        log_ticks(axes, result.axis_format)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(tick_format(result.axis_format))
    axes.set_xlim(*limits)
    axes.set_ylim(-1, 1)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)


def _interval(axes: Axes, result: PredictionResult, limits: tuple[float, float]) -> None:
    """The interval with its ends, an arrow if one is unbounded, and the estimate."""
    colour = TONES[result.tone]
    low = limits[0] if result.low is None else result.low
    high = limits[1] if result.high is None else result.high
    axes.plot([low, high], [0, 0], color=colour, linewidth=2.6, solid_capstyle="butt")
    for end, bounded, arrow in ((low, result.low, "<"), (high, result.high, ">")):
        axes.plot(
            [end], [0], marker=arrow if bounded is None else "|",
            color=colour, markersize=10, markeredgewidth=2, clip_on=False,
        )  # fmt: skip
    if result.estimate is None:
        return  # there is none up to where the line begins
    axes.plot(
        [result.estimate], [0], marker=_MARKERS[result.tone], markersize=9,
        markerfacecolor=PAPER if result.tone == "open" else colour,
        markeredgecolor=colour, markeredgewidth=1.6, clip_on=False,
    )  # fmt: skip


def _bound(axes: Axes, result: PredictionResult, limits: tuple[float, float]) -> None:
    """Shade the values that meet the bound, and write it above its edge."""
    bound = result.bound
    low, high = bound.within or (bound.at_least, bound.at_most)
    axes.axvspan(
        limits[0] if low is None else low,
        limits[1] if high is None else high,
        color=MEETS,
        linewidth=0,
    )
    edges = [edge for edge in (low, high) if edge is not None]
    for edge in edges:
        axes.axvline(edge, color=INK, linewidth=1.3)
    place = axes.transAxes.inverted().transform(axes.transData.transform((edges[0], 0)))[0]
    who = "rival predicts" if result.rival else "predicted"
    axes.annotate(
        f"{who} {result.predicted}", (edges[0], 1), (4 if place < 0.5 else -4, 2),
        xycoords=axes.get_xaxis_transform(), textcoords="offset points",
        ha="left" if place < 0.5 else "right", va="bottom", fontsize=9.5, annotation_clip=False,
    )  # fmt: skip


def _ratio_limits(results: Sequence[PredictionResult]) -> tuple[float, float]:
    values = [1.0, *(value for result in results for value in _values(result) if value > 0)]
    low, high = min(values), max(values)
    pad = max((high / low) ** 0.12, 1.08)
    return low / pad, high * pad


def _limits(result: PredictionResult) -> tuple[float, float]:
    if result.scale == "share":
        return -0.01, 1.01
    values = _values(result)
    low, high = min(0.0, *values), max(0.0, *values)
    return low * 1.12, high * 1.12 or 1.0


def _values(result: PredictionResult) -> list[float]:
    bound = result.bound
    candidates = (
        result.estimate, result.low, result.high,
        bound.at_least, bound.at_most, *(bound.within or ()),
    )  # fmt: skip
    return [value for value in candidates if value is not None]
