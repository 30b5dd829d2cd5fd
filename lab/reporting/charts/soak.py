"""The picture of a soak: every series from begin to end."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lab.reporting.charts.style import ARMS, FAINT, GRID, WIDTH, legend, line_of, styled
from lab.reporting.soak import SoakView


@styled
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
                        **{**line_of(index), "marker": "", "linewidth": 1.7},
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
    legend(figure, grid.flat[0])
    return figure
