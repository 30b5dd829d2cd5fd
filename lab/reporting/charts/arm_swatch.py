"""The line and marker of an arm, for lists of arms."""

from __future__ import annotations

from matplotlib.figure import Figure

from lab.reporting.charts.style import arm_style
from lab.reporting.charts.svg import as_svg


@as_svg
def arm_swatch(index: int) -> Figure:
    """The line and marker of the arm with this index."""
    figure = Figure(figsize=(0.42, 0.16))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.plot([0, 1, 2], [0, 0, 0], markevery=[1], **arm_style(index))
    return figure
