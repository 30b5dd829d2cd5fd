"""`lab judge`: the verdict again, from what is on disk."""

from __future__ import annotations

import typer

from lab.cli.naming import Run, open_run
from lab.config import Project


def command(run: Run) -> None:
    """Judge a run again by its sealed rule. Never measures, never applies new bounds."""
    import sys

    from lab.cli.verdict_text import print_verdict
    from lab.experiment import sealed_hypothesis, verdict_of

    project = Project.find()
    notebook = open_run(run, project)
    plan = notebook.plan()
    hypothesis = sealed_hypothesis(notebook, plan, project.root)
    verdict = verdict_of(notebook, hypothesis, plan)
    if verdict.verdict is None:
        print(
            f"lab: {notebook.folder}: unfinished after {verdict.blocks} blocks; go on with "
            f"lab run {plan.hypothesis} --resume",
            file=sys.stderr,
        )
        raise typer.Exit(2)
    notebook.write_verdict(verdict)
    print_verdict(verdict, notebook)
