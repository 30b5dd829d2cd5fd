"""The prediction strips: estimate, interval and bound of each finding; an arm's swatch."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lab import verdict_wording
from lab.reporting.charts.style import (
    FAINT,
    INK,
    MEETS,
    PAPER,
    TONES,
    figure_of,
    line_of,
    log_ticks,
    styled,
)
from lab.reporting.prediction_results import PredictionResult

CARD = 4.5  # inches: within a card


def strips(findings: Sequence[PredictionResult]) -> list[str]:
    """One strip for each finding; ratios share one logarithmic axis."""
    ratios = [finding for finding in findings if finding.scale == "ratio"]
    limits = _ratio_limits(ratios) if ratios else (0.5, 2.0)
    return [
        _strip(finding, limits if finding.scale == "ratio" else _limits(finding))
        for finding in findings
    ]


@styled
def swatch(index: int) -> Figure:
    """The line and marker of an arm."""
    figure = Figure(figsize=(0.42, 0.16))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.plot([0, 1, 2], [0, 0, 0], markevery=[1], **line_of(index))
    return figure


@styled
def _strip(finding: PredictionResult, limits: tuple[float, float]) -> Figure:
    figure, axes = figure_of(0.92, CARD)
    axes.set_xlim(*limits)
    if finding.scale == "ratio":
        axes.set_xscale("log")
        axes.axvline(1, color=FAINT, linewidth=1, linestyle=(0, (1.5, 2)))
        log_ticks(axes, finding.form)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: finding.form(value)))
    axes.set_xlim(*limits)
    axes.set_ylim(-1, 1)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)
    _meeting_region(axes, finding, limits)
    colour = TONES[finding.tone]
    if finding.estimate is None and finding.low is None:
        axes.text(0.5, 0.5, "no evidence", transform=axes.transAxes, ha="center", va="center")
        return figure
    low = limits[0] if finding.low is None else finding.low
    high = limits[1] if finding.high is None else finding.high
    axes.plot([low, high], [0, 0], color=colour, linewidth=2.6, solid_capstyle="butt")
    for end, bounded, arrow in ((low, finding.low, "<"), (high, finding.high, ">")):
        axes.plot(
            [end], [0], marker=arrow if bounded is None else "|",
            color=colour, markersize=10, markeredgewidth=2,
        )  # fmt: skip
    if finding.estimate is None:
        return figure  # there is none up to where the line begins
    marker: dict[verdict_wording.Tone, str] = {"good": "o", "bad": "X", "open": "D"}
    axes.plot(
        [finding.estimate], [0], marker=marker[finding.tone], markersize=9,
        markerfacecolor=PAPER if finding.tone == "open" else colour,
        markeredgecolor=colour, markeredgewidth=1.6,
    )  # fmt: skip
    return figure


def _meeting_region(axes: Axes, finding: PredictionResult, limits: tuple[float, float]) -> None:
    bound = finding.bound
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
    who = "rival predicts" if finding.rival else "predicted"
    axes.annotate(
        f"{who} {finding.predicted}", (edges[0], 1), (4 if place < 0.5 else -4, 2),
        xycoords=axes.get_xaxis_transform(), textcoords="offset points",
        ha="left" if place < 0.5 else "right", va="bottom", fontsize=9.5, annotation_clip=False,
    )  # fmt: skip


def _ratio_limits(findings: Sequence[PredictionResult]) -> tuple[float, float]:
    figures = [1.0, *(figure for finding in findings for figure in _figures(finding) if figure > 0)]
    low, high = min(figures), max(figures)
    pad = max((high / low) ** 0.12, 1.08)
    return low / pad, high * pad


def _limits(finding: PredictionResult) -> tuple[float, float]:
    if finding.scale == "share":
        return -0.01, 1.01
    figures = _figures(finding)
    low, high = min(0.0, *figures), max(0.0, *figures)
    return low * 1.12, high * 1.12 or 1.0


def _figures(finding: PredictionResult) -> list[float]:
    bound = finding.bound
    candidates = (
        finding.estimate, finding.low, finding.high,
        bound.at_least, bound.at_most, *(bound.within or ()),
    )  # fmt: skip
    return [figure for figure in candidates if figure is not None]
