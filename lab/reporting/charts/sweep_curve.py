"""The curve of a sweep: throughput by level, with bounds, knee, peak and law."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from lab.analysis.estimate import Estimate
from lab.measures.number_format import plain
from lab.reporting.charts.style import (
    FAINT,
    INK,
    PART,
    arm_style,
    legend,
    single_panel,
    tick_format,
)
from lab.reporting.charts.svg import as_svg
from lab.reporting.sections.sweep import ArmSweep


@as_svg
def sweep_curve(sweep: ArmSweep) -> Figure:
    """An arm's throughput over the levels of a sweep, with its bounds, its knee and its law."""
    summary = sweep.summary
    figure, axes = single_panel(3.2)
    axes.set_xscale("log", base=2)
    users = [point.users for point in summary.points]
    _measured(axes, sweep)
    fewest, most = min(users), max(users)
    fine = [fewest * (most / fewest) ** (i / 200) for i in range(201)]
    highest = max(point.high for point in summary.points)
    if summary.law is not None:
        law = [summary.law.throughput(n) for n in fine]
        axes.plot(fine, law, color=PART, linewidth=1.5, label="Universal Scalability Law")
    if summary.bounds is not None:
        bounds = [float(summary.bounds.throughput(n)) for n in fine]
        highest = max(highest, *bounds)
        axes.plot(
            fine, bounds, label="asymptotic bounds",
            color=INK, linewidth=1.2, linestyle=(0, (5, 3)),
        )  # fmt: skip
    axes.set_ylim(0, 1.12 * highest)
    if summary.knee is not None:
        _mark(axes, summary.knee, "knee", 6)
    if summary.peak is not None and summary.peak.estimate < math.inf:
        _mark(axes, summary.peak, "peak", 22)
    axes.set_xlim(fewest / 1.1, most * 1.1)
    axes.xaxis.set_major_locator(FixedLocator(users))
    axes.xaxis.set_major_formatter(tick_format(plain))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(sweep.load_axis)
    axes.set_ylabel("requests per second")
    legend(figure, axes)
    return figure


def _measured(axes: Axes, sweep: ArmSweep) -> None:
    points, style = sweep.summary.points, arm_style(sweep.index)
    users = [point.users for point in points]
    axes.fill_between(
        users,
        [point.low for point in points],
        [point.high for point in points],
        color=style["color"], alpha=0.22, linewidth=0, label="lowest to highest block",
    )  # fmt: skip
    axes.plot(users, [point.throughput for point in points], label="measured", **style)


def _mark(axes: Axes, found: Estimate, name: str, height: float) -> None:
    """A number of users, with its interval as a thick foot; its name so many points above."""
    axes.axvline(found.estimate, color=FAINT, linewidth=1.2, linestyle=(0, (1.5, 2)))
    axes.plot([found.low, found.high], [0, 0], color=INK, linewidth=5, solid_capstyle="butt")
    axes.annotate(
        f"{name} {plain(found.estimate)}", (found.estimate, 0), (4, height),
        textcoords="offset points", ha="left", va="bottom", fontsize=9.5,
    )  # fmt: skip
