"""`lab report`: render a run again. Never measures."""

from __future__ import annotations

import sys

import typer

from lab.cli.naming import Run, open_run
from lab.config import Project


def command(run: Run) -> None:
    """Render report.html and report.md of a run again, from what is on disk."""
    from lab.experiment import sealed_hypothesis, verdict_of
    from lab.reporting import render

    project = Project.find()
    notebook = open_run(run, project)
    plan = notebook.plan()
    hypothesis = sealed_hypothesis(notebook, plan, project.root)
    verdict = verdict_of(notebook, hypothesis, plan)
    if verdict.verdict is None and hypothesis.soak is None:
        print(
            f"lab: {notebook.folder}: unfinished; go on with lab run {plan.hypothesis} --resume",
            file=sys.stderr,
        )
        raise typer.Exit(2)
    render(notebook, hypothesis, plan, verdict)
    print(notebook.path("report.html"))
