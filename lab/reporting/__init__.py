"""Renders a finished verdict, as a page and as Markdown, and computes nothing."""

from __future__ import annotations

from lab.hypothesis import Hypothesis
from lab.plan import Plan
from lab.reporting import html, markdown
from lab.reporting.report_data import gather
from lab.run_folder import RunFolder
from lab.verdict_record import Verdict


def render(run_folder: RunFolder, hypothesis: Hypothesis, plan: Plan, verdict: Verdict) -> None:
    """Write `report.html` and `report.md` into the run's folder."""
    view = gather(run_folder, hypothesis, plan, verdict)
    run_folder.write_text("report.html", html.page(view))
    run_folder.write_text("report.md", markdown.page(view))
