"""`lab status`: which runs are under way, how far they are, and what they see so far."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.project_folder import Project

if TYPE_CHECKING:
    from lab.hypothesis import Hypothesis
    from lab.run_folder import RunFolder
    from lab.trial_plan import Plan


def command(
    name: Annotated[
        str | None, typer.Argument(help="A hypothesis; all of them if left out.")
    ] = None,
) -> None:
    """Tell of runs without a verdict: block, time left, slopes so far. Never measures."""
    from lab.errors import UsageError
    from lab.run_folder import RunFolder, RunFolderError

    project = Project.find()
    if name is not None and not (project.reports / name).is_dir():
        raise RunFolderError(f"{project.reports / name}: {name} was never run here")
    folders = [project.reports / name] if name else sorted(project.reports.glob("*"))
    told = False
    for folder in folders:
        latest = folder / "latest"
        if not (latest / "plan.json").is_file() or (latest / "verdict.json").exists():
            continue
        told = True
        try:
            lines = _lines(RunFolder.open(latest.resolve()), project.root)
        except UsageError as error:  # hides no other run
            lines = [f"{folder.name}  cannot be read: {error}"]
        print("\n".join(lines))
    if not told:
        print("no run is under way, and none is unfinished")


def _lines(run_folder: RunFolder, project: Path) -> list[str]:
    from lab.experiment import sealed_hypothesis
    from lab.hypothesis import SoakTest

    plan = run_folder.plan()
    hypothesis = sealed_hypothesis(run_folder, plan, project)
    alive = _alive(run_folder)
    state = f"process {alive}" if alive else f"stopped; lab run {plan.hypothesis} --resume goes on"
    lines = [f"{plan.hypothesis}  {run_folder.run}  {state}"]
    if not isinstance(hypothesis.kind, SoakTest):
        done = max((trial.block for trial in run_folder.trials()), default=0)
        return [*lines, f"  {done} blocks done of {plan.first_look} to {plan.last_look}"]
    return [*lines, *_soak_lines(run_folder, hypothesis, plan)]


def _soak_lines(run_folder: RunFolder, hypothesis: Hypothesis, plan: Plan) -> list[str]:
    from lab.cli.soak_planning import clock, ends_at
    from lab.experiment import slopes_so_far
    from lab.experiment.soak_loop import block_s
    from lab.trial import SoakEvidence

    assert plan.length_s is not None
    blocks = len(plan.orders)
    done = max((trial.block for trial in run_folder.trials()), default=0)
    if done == blocks:
        return ["  all blocks are done; the report is being written"]
    under_way = plan.orders[done]
    lives = {
        step.arm: trial.evidence
        for step in under_way
        if (trial := run_folder.unfinished_soak_trial(done + 1, step)) is not None
        and isinstance(trial.evidence, SoakEvidence)
    }
    courses = {arm: life.time_series for arm, life in lives.items() if life.time_series}
    passed_s = max((float(course.times[-1]) for course in courses.values()), default=0.0)
    left_s = (blocks - done - 1) * plan.length_s / blocks
    left_s += block_s(plan.length_s, blocks) - passed_s
    lines = [
        f"  block {done + 1} of {blocks}, {clock(passed_s)} into it; {clock(left_s)} left"
        + (f" (until {ends_at(left_s)})" if _alive(run_folder) else "")
    ]
    slopes = slopes_so_far(hypothesis, courses)
    lines += [f"  {what}: {figure} so far in this block" for what, figure in slopes.items()]
    crashes = [how for life in lives.values() for how in life.crashes]
    return lines + [f"  crash: {how}" for how in crashes]


def _alive(run_folder: RunFolder) -> int | None:
    """The process of the run's latest session, while it lives."""
    import psutil

    sessions = [entry for entry in run_folder.journal() if entry["event"] == "session began"]
    pid = sessions[-1].get("pid") if sessions else None
    if pid is None or not psutil.pid_exists(pid):
        return None
    # a number may have been given to another process since, after a reboot above all
    try:
        return int(pid) if psutil.Process(pid).create_time() <= _at(sessions[-1]) else None
    except psutil.Error:
        return None


def _at(entry: dict[str, str]) -> float:
    from datetime import datetime

    return datetime.fromisoformat(entry["at"]).timestamp()
