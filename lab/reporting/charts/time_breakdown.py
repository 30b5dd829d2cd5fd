"""Where the time of a request went: one part beside the rest."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lab.measures.number_format import percentage, seconds
from lab.reporting.charts.style import MEETS, PART, legend, single_panel, tick_format
from lab.reporting.charts.svg import as_svg
from lab.reporting.sections.time_breakdown import TimeBreakdown


@as_svg
def time_breakdown(breakdown: TimeBreakdown) -> Figure:
    """One part of a request's time beside the rest, a bar for each arm."""
    arms, shares = list(breakdown.shares), list(breakdown.shares.values())
    figure, axes = single_panel(0.95 + 0.36 * len(arms))
    timed = breakdown.is_per_request
    wholes = [share.whole_s if timed and share.whole_s else 1.0 for share in shares]
    for place, (share, whole) in enumerate(zip(shares, wholes, strict=True)):
        first = place == 0
        taken = share.share * whole
        axes.barh(place, taken, 0.62, color=PART, label=breakdown.name if first else None)
        axes.barh(
            place, whole - taken, 0.62, left=taken, facecolor=MEETS, edgecolor=PART,
            linewidth=0.8, hatch="////", label="the rest" if first else None,
        )  # fmt: skip
        axes.annotate(
            percentage(share.share), (whole, place), (5, 0),
            textcoords="offset points", va="center", fontsize=9.5,
        )  # fmt: skip
    axes.set_xlim(0, max(wholes) * 1.14)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_yticks(range(len(arms)), arms)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.xaxis.set_major_formatter(tick_format(seconds if timed else percentage, bare_zero=True))
    axes.set_xlabel(breakdown.title.lower())
    legend(figure, axes)
    return figure
