"""The latency histograms of the arms, as the share of requests that took longer."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from lab.measures.number_format import percentage, seconds
from lab.reporting.charts.style import arm_style, legend, log_ticks, single_panel, tick_format
from lab.reporting.charts.svg import as_svg
from lab.reporting.sections.latency import LatencySection
from lab.stats.latency_histogram import MIN_BEYOND


@as_svg
def latency_distribution(section: LatencySection) -> Figure:
    """The share of requests that took longer, by arm, as far into the tail as samples allow."""
    figure, axes = single_panel(3.2)
    deepest = 0.1
    for index, (arm, histogram) in enumerate(section.by_arm.items()):
        steps = [
            (edge, 1 - below)
            for edge, below in histogram.cdf()
            if (1 - below) * histogram.count >= MIN_BEYOND
        ]
        if not steps:
            continue
        deepest = min(deepest, steps[-1][1])
        # Up to the first step every request was still under way.
        edges = [histogram.min or steps[0][0], *(edge for edge, _ in steps)]
        axes.step(
            edges,
            [1.0, *(above for _, above in steps)],
            where="post",
            label=arm,
            markevery=max(1, len(steps) // 6),
            **{**arm_style(index), "markersize": 4.5},
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(deepest * 0.8, 1.15)
    axes.yaxis.set_major_formatter(tick_format(percentage))
    axes.yaxis.set_minor_locator(NullLocator())
    log_ticks(axes, seconds)
    axes.set_xlabel("latency")
    axes.set_ylabel("requests that took longer")
    legend(figure, axes)
    return figure
