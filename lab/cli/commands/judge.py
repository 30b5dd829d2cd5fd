"""`lab judge`: compute the verdict of a run again, from what is on disk."""

from __future__ import annotations

from lab.cli.name_lookup import RunArgument, open_run
from lab.project_folder import Project
from lab.run_folder import RunFolderError


def command(run: RunArgument) -> None:
    """Judge a run again by its sealed rule. Never measures, never applies new bounds."""
    from lab.cli.verdict_table import print_report_path, print_verdict
    from lab.experiment import sealed_hypothesis, verdict_of

    project = Project.find()
    run_folder = open_run(run, project)
    plan = run_folder.plan()
    hypothesis = sealed_hypothesis(run_folder, plan, project.root)
    verdict = verdict_of(run_folder, hypothesis, plan)
    if verdict.verdict is None:
        raise RunFolderError(
            f"{run_folder.folder}: unfinished after {verdict.blocks} blocks; continue it with "
            f"lab run {plan.hypothesis} --resume"
        )
    run_folder.write_verdict(verdict)
    print_verdict(verdict)
    print_report_path(run_folder)
