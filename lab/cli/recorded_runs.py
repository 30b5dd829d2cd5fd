"""Runs that have their verdict, read for what compares, exports or lists them."""

from __future__ import annotations

from pathlib import Path

from lab.errors import UsageError
from lab.experiment import sealed_hypothesis
from lab.runs.judged_run import JudgedRun
from lab.runs.run_folder import RunFolder, RunFolderError, earlier_runs


def judged_run(run_folder: RunFolder) -> JudgedRun:
    """A run with the verdict that is on disk, or that its data yield.

    Raises:
        UsageError: It has no verdict yet, or a file of it cannot be read.
    """
    from lab.experiment import verdict_of

    plan = run_folder.plan()
    # its scenario decides nothing any more, so it is not looked for
    hypothesis = sealed_hypothesis(run_folder, plan, run_folder.folder)
    verdict = run_folder.verdict() or verdict_of(run_folder, hypothesis, plan)
    if verdict.verdict is None:
        raise RunFolderError(
            f"{run_folder.folder}: unfinished, so there is no verdict yet; continue it with "
            f"lab run {plan.hypothesis} --resume"
        )
    return JudgedRun(run_folder, hypothesis, plan, verdict)


def judged_runs(reports: Path, name: str) -> tuple[list[JudgedRun], list[str]]:
    """The runs of a hypothesis that have a verdict, oldest first; why others are left out.

    Raises:
        UsageError: There is none.
    """
    runs, left_out = [], []
    for run_folder in earlier_runs(reports, name):
        try:
            runs.append(judged_run(run_folder))
        except UsageError as error:
            left_out.append(str(error))
    if not runs:
        more = f" ({left_out[-1]})" if left_out else ""
        raise RunFolderError(
            f"{reports / name}: no run of {name} has a verdict{more}. Run it with lab run {name}"
        )
    return runs, left_out
