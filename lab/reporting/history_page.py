"""`history.html` of a hypothesis: its verdicts and estimates over all runs."""

from __future__ import annotations

from markupsafe import Markup

from lab.reporting import charts
from lab.reporting.charts.svg import with_ids
from lab.reporting.page_template import fill_template
from lab.reporting.run_history import RunHistory

FILE = "history.html"


def history_page(history: RunHistory) -> str:
    """The page of a history."""
    drawn = {
        f"group-{i}-panel-{k}": charts.estimates_over_runs(panel)
        for i, group in enumerate(history.groups)
        for k, panel in enumerate(group.panels)
    }
    return fill_template(
        "history.html",
        history=history,
        charts={name: Markup(with_ids(svg, name)) for name, svg in drawn.items()},
    )
