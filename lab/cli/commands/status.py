"""`lab status`: which runs are under way or unfinished, how far they are, what they show so far."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.files.project_folder import Project

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.hypothesis import Hypothesis
    from lab.runs.run_folder import RunFolder
    from lab.trials.plan import Plan
    from lab.trials.trial import SoakEvidence


def command(
    name: Annotated[
        str | None, typer.Argument(help="A hypothesis, by name.", show_default="all")
    ] = None,
) -> None:
    """Show runs under way or without a verdict: block, time left, slopes. Never measures."""
    from lab.errors import UsageError
    from lab.runs.run_folder import RunFolder, RunFolderError

    project = Project.find()
    if name is not None and not (project.reports / name).is_dir():
        raise RunFolderError(
            f"{project.reports / name}: {name} was never run here. "
            "Leave the name out to see all runs"
        )
    folders = [project.reports / name] if name else sorted(project.reports.glob("*"))
    found = False
    for folder in folders:
        latest = folder / "latest"
        if not (latest / "plan.json").is_file():
            continue
        try:
            run_folder = RunFolder.open(latest.resolve())
            if run_folder.path("verdict.json").exists():
                lines = _decided_lines(run_folder)
            else:
                lines = _lines(run_folder, project.root)
        except UsageError as error:  # the other runs are still shown
            lines = [f"{folder.name}  cannot be read: {error}"]
        found = found or bool(lines)
        print("".join(f"{line}\n" for line in lines), end="")
    if not found:
        print("no run is under way, and none is unfinished")


def _decided_lines(run_folder: RunFolder) -> list[str]:
    """A run that has its verdict and report; nothing unless its profiles are being taken."""
    if run_folder.last_event() != "profiling" or (process := _process(run_folder)) is None:
        return []
    return [
        f"{run_folder.folder.parent.name}  {run_folder.run}  process {process}",
        f"  {run_folder.verdict_name()}; verdict and report are complete, profiles are being taken",
    ]


def _lines(run_folder: RunFolder, project: Path) -> list[str]:
    from lab.cli.worker_fleet import resume_command
    from lab.experiment import sealed_hypothesis
    from lab.hypothesis import SoakTest

    plan = run_folder.plan()
    hypothesis = sealed_hypothesis(run_folder, plan, project)
    process = _process(run_folder)
    command = resume_command(plan.hypothesis, plan.workers, "HOST:PORT")
    stopped = f"stopped; {command} continues"
    state = f"process {process}" if process else stopped
    lines = [f"{plan.hypothesis}  {run_folder.run}  {state}"]
    done = max((trial.block for trial in run_folder.trials()), default=0)
    if not isinstance(hypothesis.kind, SoakTest):
        return [*lines, f"  {done} blocks done of {plan.first_look} to {plan.last_look}"]
    if done == len(plan.orders):
        return [*lines, "  all blocks are done; the report is being written"]
    return [*lines, *_soak_lines(run_folder, hypothesis, plan, done, process is not None)]


def _soak_lines(
    run_folder: RunFolder, hypothesis: Hypothesis, plan: Plan, done: int, is_running: bool
) -> list[str]:
    """Where a soak is in its block, the slopes so far and the crashes."""
    from lab.cli.durations import clock, time_of_day_in
    from lab.experiment import slopes_so_far
    from lab.experiment.soak_loop import block_s

    assert plan.length_s is not None
    blocks = len(plan.orders)
    unfinished = _unfinished(run_folder, plan, done + 1)
    series = {arm: each.time_series for arm, each in unfinished.items() if each.time_series}
    passed_s = max((float(each.times[-1]) for each in series.values()), default=0.0)
    left_s = (blocks - done - 1) * plan.length_s / blocks
    left_s += block_s(plan.length_s, blocks) - passed_s
    until = f" (until {time_of_day_in(left_s)})" if is_running else ""
    slopes = slopes_so_far(hypothesis, plan, series)
    return [
        f"  block {done + 1} of {blocks}, {clock(passed_s)} into it; {clock(left_s)} left{until}",
        *(f"  {subject}: {slope} so far in this block" for subject, slope in slopes.items()),
        *(f"  crash: {how}" for each in unfinished.values() for how in each.crashes),
    ]


def _unfinished(run_folder: RunFolder, plan: Plan, block: int) -> Mapping[str, SoakEvidence]:
    """What the trials of the block under way have recorded so far, by arm."""
    from lab.trials.trial import SoakEvidence

    return {
        step.arm: trial.evidence
        for step in plan.orders[block - 1]
        if (trial := run_folder.unfinished_soak_trial(block, step)) is not None
        and isinstance(trial.evidence, SoakEvidence)
    }


def _process(run_folder: RunFolder) -> int | None:
    """The id of the process that runs the latest session; None if it has ended."""
    import psutil

    sessions = [entry for entry in run_folder.journal() if entry["event"] == "session began"]
    pid = sessions[-1].get("pid") if sessions else None
    if pid is None or not psutil.pid_exists(pid):
        return None
    # the id may belong to another process by now, above all after a restart of the machine
    try:
        return int(pid) if psutil.Process(pid).create_time() <= _at(sessions[-1]) else None
    except psutil.Error:
        return None


def _at(entry: dict[str, str]) -> float:
    from datetime import datetime

    return datetime.fromisoformat(entry["at"]).timestamp()
