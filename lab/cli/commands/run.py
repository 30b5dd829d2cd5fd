"""`lab run`: one hypothesis, from its file to a verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from lab.errors import UsageError
from lab.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from lab.child_processes import Children
    from lab.cli.detach import DetachedRun
    from lab.experiment import Session
    from lab.hypothesis import Hypothesis
    from lab.project_folder import Project
    from lab.run_folder import RunFolder
    from lab.trial_plan import Plan
    from lab.verdict_record import Verdict


def command(
    name: Annotated[
        str, typer.Argument(help="NAME of hypotheses/NAME.md, or a path to a hypothesis file.")
    ],
    seed: Annotated[
        int | None, typer.Option(help="Seed of the random orders; drawn if not given.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            help="Where the service runs: embedded on this machine, or compose.",
            show_default="embedded",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the latest, unfinished run.")
    ] = False,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Stop if another run is measuring.")
    ] = False,
    profile: Annotated[
        bool, typer.Option("--profile/--no-profile", help="Profile every arm, untimed, at the end.")
    ] = True,
    expect: Annotated[
        str | None, typer.Option(help="Exit with 1 if decided otherwise than this verdict.")
    ] = None,
    length: Annotated[
        str | None, typer.Option("--for", help="How long a soak takes in all, as in 8h or 30m.")
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Soak though the time is too short for the prediction.")
    ] = False,
    detached: Annotated[
        bool, typer.Option("--detach", help="Go on in the background; the terminal may close.")
    ] = False,
) -> None:
    """Run an experiment and end with a verdict.

    Exit codes: 0 decided (CONFIRMED or REFUTED), 1 decided otherwise than --expect, 2 the command
    or a file is wrong, 3 INCONCLUSIVE, 4 INVALID, 130 interrupted.
    """
    import sys
    from contextlib import ExitStack

    from lab.cli.signals import Interrupted, TooEarly, interruptible
    from lab.cli.verdict_table import print_verdict
    from lab.exit_codes import DECIDED, exit_code_of_verdict

    if expect is not None and expect not in DECIDED:
        raise UsageError(f"--expect {expect}: one of {', '.join(DECIDED)}")
    asked = RunOptions(name, seed, target, resume, no_wait, profile, length, anyway)
    begun = _begin(asked)
    background = None
    if detached:
        from lab.cli.detach import detach

        resumed = begun.run_folder.folder if begun.run_folder else None
        background = detach(begun.project.reports / begun.hypothesis.name, resumed)
        if background is None:
            return
    try:
        with ExitStack() as ending, interruptible():
            verdict, run_folder = _run(asked, begun, background, ending)
    except Interrupted as error:
        kept = f"finished trials are kept: lab run {name} --resume goes on"
        told = "nothing was measured yet" if isinstance(error, TooEarly) else kept
        print(f"lab: interrupted; {told}", file=sys.stderr)
        raise typer.Exit(ExitCode.INTERRUPTED) from error
    print_verdict(verdict, run_folder)
    assert verdict.verdict is not None
    raise typer.Exit(exit_code_of_verdict(verdict.verdict, expect))


class RunOptions(NamedTuple):
    """What was asked of the command."""

    name: str
    seed: int | None
    target: str | None
    resume: bool
    no_wait: bool
    profile: bool
    length: str | None
    anyway: bool


class PreparedRun(NamedTuple):
    """What is known before anything starts: that the files are right, and what is to be done."""

    project: Project
    hypothesis: Hypothesis
    plan: Plan
    run_folder: RunFolder | None  # of the run that is resumed


def _begin(asked: RunOptions) -> PreparedRun:
    from lab.project_folder import Project

    project = Project.find()
    return PreparedRun(project, *(_unfinished if asked.resume else _fresh)(asked, project))


def _run(
    asked: RunOptions, begun: PreparedRun, background: DetachedRun | None, ending: ExitStack
) -> tuple[Verdict, RunFolder]:
    """From the plan to the verdict; `ending` brings down what was started."""
    import os
    import time
    from contextlib import nullcontext

    import psutil

    from lab.child_processes import Children
    from lab.cli.name_lookup import hypothesis_file
    from lab.cli.progress import Progress
    from lab.cli.run_assembly import RunParts, bring_up
    from lab.cli.signals import nothing_to_keep
    from lab.cpu_pinning import divide_cores, pin
    from lab.machine_conditions import observe
    from lab.run_lock import machine_lock

    # the interpreter's own start and the imports belong to the command
    began = time.monotonic() - (time.time() - psutil.Process().create_time())
    project, hypothesis, plan, run_folder = begun
    file = run_folder.path("hypothesis.md") if run_folder else hypothesis_file(asked.name, project)
    cores = divide_cores()
    progress = Progress(hypothesis, plan)

    def waiting(holder: int | None) -> None:
        progress.waiting(holder)
        if background:
            background.waiting(holder)

    def at_end(stop: Callable[[], None]) -> None:
        ending.callback(_stop, stop)

    with nullcontext() if run_folder else nothing_to_keep():
        waited = time.monotonic()
        ending.enter_context(machine_lock(None if asked.no_wait else waiting))
        began += time.monotonic() - waited  # waiting is neither measuring nor budget
        if run_folder is not None:
            _refuse_finished(run_folder)  # by the run that was waited for
        machine = observe(project.root)
        children = ending.enter_context(Children())
        ending.enter_context(progress)
        parts = RunParts(hypothesis, file, children, project, cores)
        ready = bring_up(parts, plan.target, progress.stage, at_end)
    pin(os.getpid(), cores.driver)
    os.nice(10)  # watching must not hold up the driver, which shares the core
    if run_folder is None:
        run_folder, plan = _seal(hypothesis, plan, project)
    if background:
        background.settled(run_folder.folder)
    ending.callback(_keep_logs_of_failure, run_folder, children, ready.stop)
    conditions = {**machine, **ready.conditions}
    _same_machine(run_folder, conditions)
    run_folder.write_json("conditions.json", conditions)
    run_folder.add_journal("session began", elapsed_s=0.0, pid=os.getpid())
    experiment = ready.session(plan, run_folder, began)
    for event in experiment.run():
        progress.show(event)
    if asked.profile and experiment.interim_verdict.verdict != "INVALID":
        for event in experiment.profiles():
            progress.show(event)
    progress.stage("writing the report")
    _stop(ready.stop)
    return _conclude(experiment), run_folder


def _fresh(asked: RunOptions, project: Project) -> tuple[Hypothesis, Plan, None]:
    """The claim as it stands in its file, and a new plan for it."""
    import secrets

    from lab.cli.name_lookup import hypothesis_file, seconds
    from lab.hypothesis import SoakTest, load
    from lab.trial_plan import draw

    file = hypothesis_file(asked.name, project)
    hypothesis = load(file, project.root)
    seed = secrets.randbelow(10**6) if asked.seed is None else asked.seed
    plan = draw(hypothesis, seed, asked.target or "embedded")
    length_s = None if asked.length is None else seconds(asked.length)
    if isinstance(hypothesis.kind, SoakTest):
        from lab.cli.soak_planning import require_detectable, told, with_length

        plan = with_length(hypothesis, plan, file, length_s, project.reports)
        if not asked.anyway:
            require_detectable(plan)
        for line in told(plan):
            print(line)
    elif length_s is not None:
        raise UsageError(f"--for: {hypothesis.name} is no soak; its trials have their times")
    return hypothesis, plan, None


def _unfinished(asked: RunOptions, project: Project) -> tuple[Hypothesis, Plan, RunFolder]:
    """The latest run, its claim and its plan as they were sealed."""
    from lab.experiment import sealed_hypothesis
    from lab.run_folder import RunFolder, RunFolderError

    target = asked.target
    folder = project.reports / Path(asked.name).stem / "latest"
    if not folder.is_dir():
        raise RunFolderError(f"{folder}: there is no run to resume. Leave --resume out")
    run_folder = RunFolder.open(folder.resolve())
    _refuse_finished(run_folder)
    plan = run_folder.plan()
    if asked.length is not None:
        raise RunFolderError(f"{run_folder.folder}: its time is sealed. Leave --for out")
    if target not in (None, plan.target):
        raise RunFolderError(
            f"{run_folder.folder}: this run's target is {plan.target}, not {target}. "
            "Leave --target out, or start a new run without --resume"
        )
    hypothesis = sealed_hypothesis(run_folder, plan, project.root)
    if hypothesis.claim_digest != plan.claim_digest:
        raise RunFolderError(
            f"{project.root / hypothesis.scenario}: edited since the run began. "
            "Restore it, or start a new run without --resume"
        )
    return hypothesis, plan, run_folder


def _refuse_finished(run_folder: RunFolder) -> None:
    from lab.run_folder import RunFolderError

    if run_folder.path("verdict.json").exists():
        raise RunFolderError(
            f"{run_folder.folder}: this run has its verdict. Leave --resume out for a new one"
        )


def _seal(hypothesis: Hypothesis, plan: Plan, project: Project) -> tuple[RunFolder, Plan]:
    """A new run folder with claim and plan in it, before the first trial."""
    from dataclasses import replace

    from lab.run_folder import RunFolder, attempts

    earlier = attempts(project.reports, hypothesis.name, hypothesis.claim_digest)
    plan = replace(plan, attempts=earlier)
    run_folder = RunFolder.create(project.reports, hypothesis.name)
    run_folder.write_plan(plan, hypothesis.text)
    return run_folder, plan


def _same_machine(run_folder: RunFolder, conditions: dict[str, object]) -> None:
    """Refuse to go on under other conditions: the blocks could not be compared."""
    from lab.machine_conditions import differences
    from lab.run_folder import RunFolderError

    earlier = run_folder.conditions()
    if earlier and (found := differences(earlier, conditions)):
        raise RunFolderError(
            f"{run_folder.folder}: conditions have changed since: {'; '.join(found)}. "
            "Start a new run without --resume"
        )


def _stop(stop: Callable[[], None]) -> None:
    """Bring everything down; what cannot be is told, and takes no verdict with it."""
    import sys

    from lab.targets.target_interface import TargetError

    try:
        stop()
    except TargetError as error:
        print(f"lab: {error}", file=sys.stderr)


def _keep_logs_of_failure(
    run_folder: RunFolder, children: Children, stop: Callable[[], None]
) -> None:
    """Logs go with the processes, unless the run came to nothing."""
    _stop(stop)
    if run_folder.verdict_name() in (None, "INVALID"):
        children.keep_logs(run_folder.path("logs"))


def _conclude(experiment: Session) -> Verdict:
    """Judge from what is on disk, render, and note how long all of it took."""
    from lab.experiment import verdict_of
    from lab.reporting import render

    run_folder, hypothesis, plan = experiment.run_folder, experiment.hypothesis, experiment.plan
    run_folder.add_journal("measured", elapsed_s=round(experiment.elapsed_s(), 3))
    verdict = verdict_of(run_folder, hypothesis, plan)
    run_folder.write_verdict(verdict)
    render(run_folder, hypothesis, plan, verdict)
    run_folder.add_journal("session ended", elapsed_s=round(experiment.elapsed_s(), 3))
    verdict = verdict_of(run_folder, hypothesis, plan)
    run_folder.write_verdict(verdict)
    return verdict
