"""The look of all charts: colours, fonts, arms, legends, axes.

Charts are drawn in placeholder colours that become CSS variables, so that the page decides how they
look in light, in dark and on paper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from lab.measures.number_format import NumberFormat
from lab.verdict.wording import Tone

WIDTH = 4.8  # inches: legible on a phone without zooming

INK, FAINT, GRID, PAPER, MEETS, PART = (f"#01010{i}" for i in range(6))
TONES: Mapping[Tone, str] = {"good": "#010201", "bad": "#010202", "open": "#010203"}
ARMS = tuple(f"#01030{i}" for i in range(8))

CSS_VARIABLES: Mapping[str, str] = {  # placeholder colour -> name in report.css
    INK: "ink", FAINT: "faint", GRID: "grid", PAPER: "paper", MEETS: "meets", PART: "part",
    **{colour: tone for tone, colour in TONES.items()},
    **{colour: f"arm-{i}" for i, colour in enumerate(ARMS)},
}  # fmt: skip
RC_PARAMS: Mapping[Any, Any] = {
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
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")
_DASHES: tuple[Any, ...] = (
    "-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)),
    (0, (9, 2)), (0, (3, 1.5)), (0, (6, 2, 1.5, 2, 1.5, 2)), (0, (1, 2.5)),
)  # fmt: skip
_MAX_TITLE = 32  # characters that fit above a small panel
_LEGEND_ROW = 0.2  # inches
_USUAL_ROWS = 2  # of a legend, for which every figure has room


def arm_style(index: int) -> dict[str, Any]:
    """How an arm is distinguished: colour, marker and dashes; 64 arms all differ."""
    # the second eight have the same colours with the next marker, and so on
    shape = (index + index // len(ARMS)) % len(_MARKERS)
    return {
        "color": ARMS[index % len(ARMS)],
        "marker": _MARKERS[shape],
        "linestyle": _DASHES[shape],
    }


def single_panel(height: float, width: float = WIDTH) -> tuple[Figure, Axes]:
    """A figure with one panel; sizes in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def small_panels(titles: list[str]) -> tuple[Figure, list[Axes]]:
    """A figure with a small panel below each title, two in a row."""
    rows = (len(titles) + 1) // 2
    figure = Figure(figsize=(WIDTH, 0.55 + 1.25 * rows), layout="constrained")
    panels = list(figure.subplots(rows, 2, sharex=True, squeeze=False).flat)
    for axes, title in zip(panels, fitting(titles), strict=False):
        axes.set_title(title, fontsize=9)
    for axes in panels[len(titles) :]:
        axes.set_axis_off()
    return figure, panels[: len(titles)]


def fitting(titles: Sequence[str]) -> list[str]:
    """Titles that fit above small panels: cut in the middle, numbered if two look alike then."""
    short = [_cut(title, _MAX_TITLE) for title in titles]
    numbers = [short[:place].count(text) + 1 for place, text in enumerate(short)]
    return [
        text if short.count(text) == 1 else f"{_cut(title, _MAX_TITLE - 5)} ({number})"
        for title, text, number in zip(titles, short, numbers, strict=True)
    ]


def _cut(title: str, length: int) -> str:
    if len(title) <= length:
        return title
    end = (length - 1) // 2
    return f"{title[: length - 1 - end]}…{title[-end:]}"


def small_ticks(axes: Axes, label_size: float) -> None:
    """Few ticks, for a small panel over time; the time of every panel is labelled."""
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.tick_params(labelsize=label_size, labelbottom=True)


def legend(figure: Figure, axes: Axes) -> None:
    """One legend above all panels, from the labels of this one; the figure grows with its rows."""
    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        return
    # Four short names fit beside each other; longer ones in pairs.
    columns = 4 if sum(len(label) + 7 for label in labels) < 62 else 2
    rows = -(-len(labels) // columns)
    figure.set_figheight(figure.get_figheight() + _LEGEND_ROW * max(0, rows - _USUAL_ROWS))
    figure.legend(handles, labels, loc="outside upper left", ncols=columns, columnspacing=1.1)


def log_ticks(axes: Axes, form: NumberFormat) -> None:
    """Mark a logarithmic horizontal axis as densely as its range allows."""
    low, high = axes.get_xlim()
    axes.xaxis.set_major_formatter(tick_format(form))
    axes.xaxis.set_minor_formatter(NullFormatter())
    if high / low > 40:
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0,)))
        return
    narrow = high / low < 3  # 1, 2 and 5 would leave it without a tick
    locator = MaxNLocator(4) if narrow else LogLocator(subs=(1.0, 2.0, 5.0))
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_minor_locator(NullLocator())


def tick_format(form: NumberFormat, *, bare_zero: bool = False) -> FuncFormatter:
    """Ticks in a number format; `bare_zero` leaves out the unit of zero."""
    return FuncFormatter(lambda value, _: "0" if bare_zero and not value else form(value))
