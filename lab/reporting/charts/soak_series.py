"""The series of a soak over its whole time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lab.reporting.charts.style import (
    ARMS,
    FAINT,
    GRID,
    arm_style,
    legend,
    small_panels,
    small_ticks,
    tick_format,
)
from lab.reporting.charts.svg import as_svg
from lab.reporting.sections.soak import SegmentLine, SoakPanel, SoakSection


@as_svg
def soak_series(section: SoakSection, arms: Sequence[str]) -> Figure:
    """A panel for each series: ranges, fitted lines, what does not count, restarts, blocks."""
    figure, panels = small_panels([panel.series for panel in section.panels])
    hours = section.block_hours * section.blocks
    scale, unit = (1.0, "hours") if hours >= 2 else (60.0, "minutes")
    for axes, panel in zip(panels, section.panels, strict=True):
        for block in range(1, section.blocks):
            axes.axvline(block * section.block_hours * scale, color=FAINT, linewidth=0.8)
        _shade(axes, panel, arms, scale, hours / 100)
        _lines(axes, panel, arms, scale)
        axes.set_xlim(0, hours * scale)
        small_ticks(axes, 8)
        axes.yaxis.set_major_formatter(tick_format(panel.value_format))
    figure.supxlabel(f"{unit} since the soak began", fontsize=9.5)
    legend(figure, panels[0])
    return figure


def _shade(axes: Axes, panel: SoakPanel, arms: Sequence[str], scale: float, nearly: float) -> None:
    """What does not count: grey if it is the same for every arm, else in the colour of the arm.

    Args:
        axes: Of one panel.
        panel: What it shows.
        arms: In their order.
        scale: Of hours on the axis.
        nearly: Hours by which the same may differ.
    """
    dropped = {
        arm: [(line.begins, line.fit[0]) for line in panel.arms[arm] if line.fit] for arm in arms
    }
    shown = [own for own in dropped.values() if own]

    def is_shared(span: tuple[float, float]) -> bool:
        return all(any(_is_near(span, other, nearly) for other in own) for own in shown)

    for begin, end in filter(is_shared, shown[0] if shown else []):
        axes.axvspan(begin * scale, end * scale, color=GRID, linewidth=0)
    for index, arm in enumerate(arms):
        for begin, end in dropped[arm]:
            if not is_shared((begin, end)):
                colour = ARMS[index % len(ARMS)]
                axes.axvspan(begin * scale, end * scale, color=colour, alpha=0.12, linewidth=0)


def _is_near(one: tuple[float, float], other: tuple[float, float], nearly: float) -> bool:
    return all(abs(a - b) <= nearly for a, b in zip(one, other, strict=True))


def _lines(axes: Axes, panel: SoakPanel, arms: Sequence[str], scale: float) -> None:
    for index, arm in enumerate(arms):
        axes.plot([], [], label=arm, **_fit_style(index))  # for the legend, also without a fit
        for line in panel.arms[arm]:
            colour = ARMS[index % len(ARMS)]
            times = line.times * scale
            axes.fill_between(times, line.low, line.high, color=colour, alpha=0.3, linewidth=0)
            axes.plot(times, line.high, color=colour, linewidth=0.7, alpha=0.8)
            _fit(axes, line, index, scale)
            if line.restarted:
                axes.axvline(line.begins * scale, color=colour, linewidth=1, linestyle=":")


def _fit(axes: Axes, line: SegmentLine, index: int, scale: float) -> None:
    if line.fit is None:
        return
    begin, end, low, high = line.fit
    axes.plot([begin * scale, end * scale], [low, high], **_fit_style(index))


def _fit_style(index: int) -> dict[str, Any]:
    return {**arm_style(index), "marker": "", "linewidth": 1.7}
