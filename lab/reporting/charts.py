"""Every picture of the report, as SVG text; the only importer of matplotlib.

Pictures are drawn in marker colours that become CSS variables, so that the page decides how they
look in light, in dark and on paper. Text stays text and takes the page's font.
"""

from __future__ import annotations

import functools
import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)

from lab.analysis.estimate import Estimate
from lab.reporting import words
from lab.reporting.curves import Curve
from lab.reporting.findings import Finding
from lab.reporting.series import Series
from lab.reporting.soak import SoakView
from lab.reporting.view import Breakdown, Point
from lab.stats.histogram import Histogram

P = ParamSpec("P")

WIDTH = 4.8  # inches: legible on a phone without zooming
CARD = 4.5  # within a card
SAMPLES_BEYOND = 10  # a tail of fewer is not drawn, as no quantile is told from it

INK, FAINT, GRID, PAPER, MEETS, PART = (f"#01010{i}" for i in range(6))
TONES: Mapping[words.Tone, str] = {"good": "#010201", "bad": "#010202", "open": "#010203"}
ARMS = tuple(f"#01030{i}" for i in range(8))

_VARIABLES = {
    INK: "ink", FAINT: "faint", GRID: "grid", PAPER: "paper", MEETS: "meets", PART: "part",
    **{colour: tone for tone, colour in TONES.items()},
    **{colour: f"arm-{i}" for i, colour in enumerate(ARMS)},
}  # fmt: skip
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")
_DASHES: tuple[Any, ...] = (
    "-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)),
    (0, (9, 2)), (0, (3, 1.5)), (0, (6, 2, 1.5, 2, 1.5, 2)), (0, (1, 2.5)),
)  # fmt: skip
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none", "text.parse_math": False, "axes.unicode_minus": True,
    "font.family": ["DejaVu Sans"], "font.size": 10,
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": FAINT, "axes.linewidth": 0.8,
    "xtick.color": FAINT, "ytick.color": FAINT, "xtick.labelcolor": INK, "ytick.labelcolor": INK,
    "xtick.labelsize": 9.5, "ytick.labelsize": 9.5, "axes.labelsize": 9.5, "axes.titlesize": 10,
    "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "grid.color": GRID, "grid.linewidth": 0.7, "axes.axisbelow": True,
    "legend.frameon": False, "legend.fontsize": 9.5, "legend.handlelength": 2.3,
    "lines.linewidth": 1.7, "lines.markersize": 5.5,
}  # fmt: skip


def _styled(draw: Callable[P, Figure]) -> Callable[P, str]:
    """Draw in the report's style and return the SVG; ids carry the drawing's own name."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> str:
        with matplotlib.rc_context({**_STYLE, "svg.hashsalt": draw.__name__}):
            return _svg(draw(*args, **kwargs))

    return drawn


def with_ids(svg: str, prefix: str) -> str:
    """Make the ids of an SVG its own within a page."""

    def own(tag: str) -> str:
        tag = re.sub(r'\bid="', f'id="{prefix}-', tag)
        return tag.replace("url(#", f"url(#{prefix}-").replace('href="#', f'href="#{prefix}-')

    return _in_tags(svg, own)


def _in_tags(svg: str, edit: Callable[[str], str]) -> str:
    """Edit the tags alone: labels, which a service may have named, stay as they are."""
    return re.sub(r"<[^>]+>", lambda tag: edit(tag[0]), svg)


def forest(findings: Sequence[Finding]) -> list[str]:
    """One strip for each finding; ratios share one logarithmic axis."""
    ratios = [finding for finding in findings if finding.scale == "ratio"]
    limits = _ratio_limits(ratios) if ratios else (0.5, 2.0)
    return [
        _strip(finding, limits if finding.scale == "ratio" else _limits(finding))
        for finding in findings
    ]


@_styled
def swatch(index: int) -> Figure:
    """The line and marker of an arm."""
    figure = Figure(figsize=(0.42, 0.16))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.plot([0, 1, 2], [0, 0, 0], markevery=[1], **_line(index))
    return figure


@_styled
def curve(data: Curve) -> Figure:
    """An arm's throughput over the levels of a sweep, with its bounds, its knee and its law."""
    shape = data.shape
    figure, axes = _figure(3.2)
    users = [point.users for point in shape.points]
    style = _line(data.index)
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
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: words.plain(value)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(data.load)
    axes.set_ylabel("requests a second")
    _legend(figure, axes)
    return figure


def _mark(axes: Axes, found: Estimate, name: str, line: float) -> None:
    """A number of users, with its interval as a thicker foot; its name so many points above."""
    axes.axvline(found.estimate, color=FAINT, linewidth=1.2, linestyle=(0, (1.5, 2)))
    axes.plot([found.low, found.high], [0, 0], color=INK, linewidth=5, solid_capstyle="butt")
    axes.annotate(
        f"{name} {words.plain(found.estimate)}", (found.estimate, 0), (4, line),
        textcoords="offset points", ha="left", va="bottom", fontsize=9.5,
    )  # fmt: skip


@_styled
def throughput(points: Mapping[str, Sequence[Point]]) -> Figure:
    """Throughput per block, by arm; hollow where the block does not count."""
    figure, axes = _figure(3.0)
    step = 0.5 / max(len(points), 1)
    for index, (arm, own) in enumerate(points.items()):
        shift = (index - (len(points) - 1) / 2) * step  # equal arms would hide each other
        style = _line(index)
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
    _legend(figure, axes)
    return figure


@_styled
def latency(histograms: Mapping[str, Histogram]) -> Figure:
    """The share of requests that took longer, by arm, as far into the tail as samples allow."""
    figure, axes = _figure(3.2)
    deepest = 0.1
    for index, (arm, histogram) in enumerate(histograms.items()):
        steps = [
            (edge, 1 - below)
            for edge, below in histogram.cdf()
            if (1 - below) * histogram.count >= SAMPLES_BEYOND
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
            **{**_line(index), "markersize": 4.5},
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(deepest * 0.8, 1.15)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: words.share(value)))
    axes.yaxis.set_minor_locator(NullLocator())
    _log_ticks(axes, words.seconds)
    axes.set_xlabel("latency")
    axes.set_ylabel("requests that took longer")
    _legend(figure, axes)
    return figure


@_styled
def breakdown(data: Breakdown) -> Figure:
    """One thing against the rest of a request, a bar for each arm."""
    arms = list(data.parts)
    figure, axes = _figure(0.95 + 0.36 * len(arms))
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
            words.share(part.share), (whole, place), (5, 0),
            textcoords="offset points", va="center", fontsize=9.5,
        )  # fmt: skip
    axes.set_xlim(0, max(wholes) * 1.14)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_yticks(range(len(arms)), arms)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    form = words.seconds if timed else words.share
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: form(value) if value else "0"))
    axes.set_xlabel("time per request" if timed else "share of the time")
    _legend(figure, axes)
    return figure


@_styled
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
                **{**_line(index), "marker": "", "linewidth": 1.4},
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
    _legend(figure, grid.flat[0])
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


@_styled
def soak(data: SoakView, arms: Sequence[str]) -> Figure:
    """A panel for each series from begin to end: ranges, lines, what was left out, restarts."""
    rows = (len(data.panels) + 1) // 2
    figure = Figure(figsize=(WIDTH, 0.55 + 1.25 * rows), layout="constrained")
    grid = figure.subplots(rows, 2, sharex=True, squeeze=False)
    whole = data.block_hours * data.blocks
    scale, unit = (1.0, "hours") if whole >= 2 else (60.0, "minutes")
    for axes, panel in zip(grid.flat, data.panels, strict=False):
        short = panel.series if len(panel.series) <= 32 else f"{panel.series[:31]}…"
        axes.set_title(short, fontsize=9)
        for block in range(1, data.blocks):
            axes.axvline(block * data.block_hours * scale, color=FAINT, linewidth=0.8)
        for index, arm in enumerate(arms):
            colour = ARMS[index % len(ARMS)]
            for number, own in enumerate(panel.arms[arm]):
                times = own.times * scale
                axes.fill_between(times, own.low, own.high, color=colour, alpha=0.3, linewidth=0)
                axes.plot(times, own.high, color=colour, linewidth=0.7, alpha=0.8)
                if own.fit:
                    begin, end, low, high = own.fit
                    if index == 0:
                        axes.axvspan(own.begins * scale, begin * scale, color=GRID, linewidth=0)
                    axes.plot(
                        [begin * scale, end * scale], [low, high],
                        label=arm if number == 0 else None,
                        **{**_line(index), "marker": "", "linewidth": 1.7},
                    )  # fmt: skip
                if own.restarted:
                    axes.axvline(own.begins * scale, color=colour, linewidth=1, linestyle=":")
        axes.set_xlim(0, whole * scale)
        axes.yaxis.set_major_locator(MaxNLocator(3))
        form = panel.form
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _, form=form: form(value)))
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.tick_params(labelsize=8, labelbottom=True)
    for axes in grid.flat[len(data.panels) :]:
        axes.set_axis_off()
    figure.supxlabel(f"{unit} since the soak began", fontsize=9.5)
    _legend(figure, grid.flat[0])
    return figure


@_styled
def _strip(finding: Finding, limits: tuple[float, float]) -> Figure:
    figure, axes = _figure(0.92, CARD)
    axes.set_xlim(*limits)
    if finding.scale == "ratio":
        axes.set_xscale("log")
        axes.axvline(1, color=FAINT, linewidth=1, linestyle=(0, (1.5, 2)))
        _log_ticks(axes, finding.form)
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
    marker: dict[words.Tone, str] = {"good": "o", "bad": "X", "open": "D"}
    axes.plot(
        [finding.estimate], [0], marker=marker[finding.tone], markersize=9,
        markerfacecolor=PAPER if finding.tone == "open" else colour,
        markeredgecolor=colour, markeredgewidth=1.6,
    )  # fmt: skip
    return figure


def _meeting_region(axes: Axes, finding: Finding, limits: tuple[float, float]) -> None:
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


def _ratio_limits(findings: Sequence[Finding]) -> tuple[float, float]:
    figures = [1.0, *(figure for finding in findings for figure in _figures(finding) if figure > 0)]
    low, high = min(figures), max(figures)
    pad = max((high / low) ** 0.12, 1.08)
    return low / pad, high * pad


def _limits(finding: Finding) -> tuple[float, float]:
    if finding.scale == "share":
        return -0.01, 1.01
    figures = _figures(finding)
    low, high = min(0.0, *figures), max(0.0, *figures)
    return low * 1.12, high * 1.12 or 1.0


def _figures(finding: Finding) -> list[float]:
    bound = finding.bound
    candidates = (
        finding.estimate, finding.low, finding.high,
        bound.at_least, bound.at_most, *(bound.within or ()),
    )  # fmt: skip
    return [figure for figure in candidates if figure is not None]


def _figure(height: float, width: float = WIDTH) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _line(index: int) -> dict[str, Any]:
    """How an arm is told apart: colour, marker and dashes."""
    which = index % len(ARMS)
    return {"color": ARMS[which], "marker": _MARKERS[which], "linestyle": _DASHES[which]}


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        return
    # Four short names fit beside each other; longer ones in pairs.
    columns = 4 if sum(len(label) + 7 for label in labels) < 62 else 2
    figure.legend(handles, labels, loc="outside upper left", ncols=columns, columnspacing=1.1)


def _log_ticks(axes: Axes, form: words.Formatter) -> None:
    low, high = axes.get_xlim()
    wide = high / low > 40
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: form(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    if not wide:
        axes.xaxis.set_minor_locator(NullLocator())


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    silent = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", metadata=silent, transparent=True)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, count=1, flags=re.S)
    svg = re.sub(r"<svg[^>]*(viewBox=\"[^\"]*\")[^>]*>", r"<svg \1>", svg, count=1)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))

    def plain(tag: str) -> str:
        tag = re.sub(r"font-family: [^;\"]*(?:; )?", "", tag).replace("xlink:href", "href")
        return re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", tag)

    svg = _in_tags(svg, plain)
    svg = re.sub(r"\s*\n\s*", " ", svg).strip()
    for colour, name in _VARIABLES.items():
        svg = svg.replace(colour, f"var(--{name})")
    return svg
