"""`lab report`: render the report of a run again."""

from __future__ import annotations

from lab.cli.name_lookup import RunArgument, open_run
from lab.files.project_folder import Project
from lab.runs.run_folder import RunFolderError


def command(run: RunArgument) -> None:
    """Render report.html and report.md of a run again, from what is on disk. Never measures."""
    from lab.cli.run_index import rebuild_index
    from lab.experiment import sealed_hypothesis, verdict_of
    from lab.hypothesis import SoakTest
    from lab.reporting import render

    project = Project.find()
    run_folder = open_run(run, project)
    plan = run_folder.plan()
    hypothesis = sealed_hypothesis(run_folder, plan, project.root)
    verdict = verdict_of(run_folder, hypothesis, plan)
    if verdict.verdict is None and not isinstance(hypothesis.kind, SoakTest):
        raise RunFolderError(
            f"{run_folder.folder}: unfinished; continue it with lab run {plan.hypothesis} --resume"
        )
    render(run_folder, hypothesis, plan, verdict)
    rebuild_index(run_folder, project.reports)
    print(run_folder.path("report.html"))
