"""How every picture looks, as SVG text.

Pictures are drawn in marker colours that become CSS variables, so that the page decides how they
look in light, in dark and on paper. Text stays text and takes the page's font.
"""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from lab import verdict_wording
from lab.number_format import NumberFormat

P = ParamSpec("P")

WIDTH = 4.8  # inches: legible on a phone without zooming

INK, FAINT, GRID, PAPER, MEETS, PART = (f"#01010{i}" for i in range(6))
TONES: Mapping[verdict_wording.Tone, str] = {"good": "#010201", "bad": "#010202", "open": "#010203"}
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


def styled(draw: Callable[P, Figure]) -> Callable[P, str]:
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


def figure_of(height: float, width: float = WIDTH) -> tuple[Figure, Axes]:
    """A figure with one panel; sizes in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def line_of(index: int) -> dict[str, Any]:
    """How an arm is told apart: colour, marker and dashes."""
    which = index % len(ARMS)
    return {"color": ARMS[which], "marker": _MARKERS[which], "linestyle": _DASHES[which]}


def legend(figure: Figure, axes: Axes) -> None:
    """One legend above all panels, from the labels of this one."""
    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        return
    # Four short names fit beside each other; longer ones in pairs.
    columns = 4 if sum(len(label) + 7 for label in labels) < 62 else 2
    figure.legend(handles, labels, loc="outside upper left", ncols=columns, columnspacing=1.1)


def log_ticks(axes: Axes, form: NumberFormat) -> None:
    """Mark a logarithmic horizontal axis as densely as its range allows."""
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


def _in_tags(svg: str, edit: Callable[[str], str]) -> str:
    """Edit the tags alone: labels, which a service may have named, stay as they are."""
    return re.sub(r"<[^>]+>", lambda tag: edit(tag[0]), svg)
