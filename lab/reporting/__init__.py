"""Renders a finished verdict as a page and as Markdown. Decides nothing."""

from __future__ import annotations

from lab.hypothesis import Hypothesis
from lab.reporting.html_report import html_report
from lab.reporting.markdown_report import markdown_report
from lab.reporting.report_content import gather_content
from lab.runs.report_evidence import MAX_PAGE_BYTES, evidence_element
from lab.runs.run_folder import RunFolder
from lab.trials.plan import Plan
from lab.verdict.record import Verdict


def render(run_folder: RunFolder, hypothesis: Hypothesis, plan: Plan, verdict: Verdict) -> None:
    """Write `report.html`, with the data of the run, and `report.md` into the run's folder.

    A page that would not be read back for its size goes without the data.
    """
    content = gather_content(run_folder, hypothesis, plan, verdict)
    evidence = evidence_element(run_folder, hypothesis)
    html = html_report(content, evidence)
    if evidence and len(html.encode()) > MAX_PAGE_BYTES:
        html = html_report(content, "")
    run_folder.write_text("report.html", html)
    run_folder.write_text("report.md", markdown_report(content))
