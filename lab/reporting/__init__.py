"""Renders a finished verdict, as a page and as Markdown, and computes nothing."""

from __future__ import annotations

from lab.hypothesis import Hypothesis
from lab.notebook import Notebook
from lab.plan import Plan
from lab.reporting import html, markdown
from lab.reporting.view import gather
from lab.verdict import Verdict


def render(notebook: Notebook, hypothesis: Hypothesis, plan: Plan, verdict: Verdict) -> None:
    """Write `report.html` and `report.md` into the run's folder."""
    view = gather(notebook, hypothesis, plan, verdict)
    notebook.write_text("report.html", html.page(view))
    notebook.write_text("report.md", markdown.page(view))
