"""Throughput of every arm, block by block."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lab.reporting.charts.style import arm_style, legend, single_panel
from lab.reporting.charts.svg import as_svg
from lab.reporting.sections.throughput import ThroughputSection


@as_svg
def throughput_per_block(section: ThroughputSection) -> Figure:
    """Throughput per block, by arm; hollow if the block does not count."""
    points = section.by_arm
    figure, axes = single_panel(3.0)
    step = 0.5 / max(len(points), 1)
    for index, (arm, own) in enumerate(points.items()):
        shift = (index - (len(points) - 1) / 2) * step  # equal arms would hide each other
        style = arm_style(index)
        counted = [point for point in own if point.counted]
        others = [point for point in own if not point.counted]
        axes.plot(
            [point.block + shift for point in counted],
            [point.value for point in counted],
            label=arm,
            **style,
        )
        axes.plot(
            [point.block + shift for point in others],
            [point.value for point in others],
            **{**style, "linestyle": "none", "markerfacecolor": "none"},
        )
    every = [point for own in points.values() for point in own]
    axes.set_ylim(0, 1.08 * max(point.value for point in every) or 1)
    all_counted = all(point.counted for point in every)
    axes.set_xlabel("block" if all_counted else "block (hollow: does not count)")
    axes.set_ylabel("requests per second")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="x", visible=False)
    legend(figure, axes)
    return figure
