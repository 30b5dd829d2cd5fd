"""One block by second or slice: a small panel for each quantity."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lab.reporting.charts.style import MEETS, arm_style, legend, small_panels, small_ticks
from lab.reporting.charts.svg import as_svg
from lab.reporting.sections.timeline import TimelinePanel, TimelineSection


@as_svg
def timeline(section: TimelineSection, arms: Sequence[str]) -> Figure:
    """A small panel for each quantity, a line for each arm."""
    figure, panels = small_panels([panel.label for panel in section.panels])
    for axes, panel in zip(panels, section.panels, strict=True):
        _shade(axes, section)
        _lines(axes, panel, arms)
        values = [value for line in panel.lines.values() for _, value in line if value]
        headroom = 1.3 if section.stages else 1.08  # names of stages stand above the lines
        axes.set_ylim(0, headroom * max(values, default=1))
        small_ticks(axes, 8.5)
    shaded = "stages of the load" if section.stages else "shaded: measured window"
    since = "under load" if section.is_sliced else "since the trial began"
    figure.supxlabel(f"seconds {since} ({shaded})", fontsize=9.5)
    legend(figure, panels[0])
    return figure


def _lines(axes: Axes, panel: TimelinePanel, arms: Sequence[str]) -> None:
    for index, arm in enumerate(arms):
        line = [(t, value) for t, value in panel.lines[arm] if value is not None]
        axes.plot(
            [t for t, _ in line],
            [value for _, value in line],
            label=arm,
            **{**arm_style(index), "marker": "", "linewidth": 1.4},
        )


def _shade(axes: Axes, section: TimelineSection) -> None:
    """Shade the measured window; of a load in stages, every second stage, each with its name."""
    if section.window and not section.stages:
        axes.axvspan(*section.window, color=MEETS, linewidth=0)
    for index, (name, begin, end) in enumerate(section.stages):
        if index % 2 == 0:
            axes.axvspan(begin, end, color=MEETS, linewidth=0)
        axes.annotate(
            name, (begin, 1), (2, -2), xycoords=axes.get_xaxis_transform(),
            textcoords="offset points", ha="left", va="top", fontsize=7.5,
        )  # fmt: skip
