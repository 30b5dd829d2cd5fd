"""`lab run`: one hypothesis, from its file to a verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from lab.cli.background import Background
    from lab.config import Project
    from lab.experiment import Experiment, Soak
    from lab.hypothesis import Hypothesis
    from lab.notebook import Notebook
    from lab.plan import Plan
    from lab.processes import Children
    from lab.verdict import Verdict

EXIT_CODES = {"CONFIRMED": 0, "REFUTED": 0, "INCONCLUSIVE": 3, "INVALID": 4}
DECIDED = ("CONFIRMED", "REFUTED")
UNEXPECTED = 1


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

    from lab.cli.failures import INTERRUPTED, WRONG
    from lab.cli.interruption import Interrupted, TooEarly, interruptible
    from lab.cli.verdict_text import print_verdict

    if expect is not None and expect not in DECIDED:
        print(f"lab: --expect {expect}: one of {', '.join(DECIDED)}", file=sys.stderr)
        raise typer.Exit(WRONG)
    asked = Asked(name, seed, target, resume, no_wait, profile, length, anyway)
    begun = _begin(asked)
    background = None
    if detached:
        from lab.cli.background import detach

        resumed = begun.notebook.folder if begun.notebook else None
        background = detach(begun.project.reports / begun.hypothesis.name, resumed)
        if background is None:
            return
    try:
        with ExitStack() as ending, interruptible():
            verdict, notebook = _run(asked, begun, background, ending)
    except Interrupted as error:
        kept = f"finished trials are kept: lab run {name} --resume goes on"
        told = "nothing was measured yet" if isinstance(error, TooEarly) else kept
        print(f"lab: interrupted; {told}", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from error
    print_verdict(verdict, notebook)
    assert verdict.verdict is not None
    code = EXIT_CODES[verdict.verdict]
    if expect is not None and verdict.verdict in DECIDED and verdict.verdict != expect:
        code = UNEXPECTED
    raise typer.Exit(code)


class Asked(NamedTuple):
    """What was asked of the command."""

    name: str
    seed: int | None
    target: str | None
    resume: bool
    no_wait: bool
    profile: bool
    length: str | None
    anyway: bool


class Begun(NamedTuple):
    """What is known before anything starts: that the files are right, and what is to be done."""

    project: Project
    hypothesis: Hypothesis
    plan: Plan
    notebook: Notebook | None  # of the run that is resumed


def _begin(asked: Asked) -> Begun:
    from lab.config import Project

    project = Project.find()
    return Begun(project, *(_unfinished if asked.resume else _fresh)(asked, project))


def _run(
    asked: Asked, begun: Begun, background: Background | None, ending: ExitStack
) -> tuple[Verdict, Notebook]:
    """From the plan to the verdict; `ending` brings down what was started."""
    import os
    import time
    from contextlib import nullcontext

    import psutil

    from lab.cli.interruption import nothing_to_keep
    from lab.cli.naming import hypothesis_file
    from lab.cli.progress import Progress
    from lab.cli.wiring import Parts, bring_up
    from lab.conditions import observe
    from lab.processes import Children, divide_cores, pin
    from lab.turn import turn

    # the interpreter's own start and the imports belong to the command
    began = time.monotonic() - (time.time() - psutil.Process().create_time())
    project, hypothesis, plan, notebook = begun
    file = notebook.path("hypothesis.md") if notebook else hypothesis_file(asked.name, project)
    cores = divide_cores()
    progress = Progress(hypothesis, plan)

    def waiting(holder: int | None) -> None:
        progress.waiting(holder)
        if background:
            background.waiting(holder)

    def at_end(stop: Callable[[], None]) -> None:
        ending.callback(_stop, stop)

    with nullcontext() if notebook else nothing_to_keep():
        waited = time.monotonic()
        ending.enter_context(turn(None if asked.no_wait else waiting))
        began += time.monotonic() - waited  # waiting is neither measuring nor budget
        if notebook is not None:
            _refuse_finished(notebook)  # by the run that was waited for
        machine = observe(project.root)
        children = ending.enter_context(Children())
        ending.enter_context(progress)
        parts = Parts(hypothesis, file, children, project, cores)
        ready = bring_up(parts, plan.target, progress.stage, at_end)
    pin(os.getpid(), cores.driver)
    os.nice(10)  # watching must not hold up the driver, which shares the core
    if notebook is None:
        notebook, plan = _seal(hypothesis, plan, project)
    if background:
        background.settled(notebook.folder)
    ending.callback(_keep_logs_of_failure, notebook, children, ready.stop)
    conditions = {**machine, **ready.conditions}
    _same_machine(notebook, conditions)
    notebook.write_json("conditions.json", conditions)
    notebook.add_journal("session began", elapsed_s=0.0, pid=os.getpid())
    experiment = ready.session(plan, notebook, began)
    for event in experiment.run():
        progress.show(event)
    if asked.profile and experiment.standing.verdict != "INVALID":
        for event in experiment.profiles():
            progress.show(event)
    progress.stage("writing the report")
    _stop(ready.stop)
    return _conclude(experiment), notebook


def _fresh(asked: Asked, project: Project) -> tuple[Hypothesis, Plan, None]:
    """The claim as it stands in its file, and a new plan for it."""
    import secrets

    from lab.cli.naming import hypothesis_file, seconds
    from lab.hypothesis import load
    from lab.notebook import NotebookError
    from lab.plan import draw

    file = hypothesis_file(asked.name, project)
    hypothesis = load(file, project.root)
    seed = secrets.randbelow(10**6) if asked.seed is None else asked.seed
    plan = draw(hypothesis, seed, asked.target or "embedded")
    length_s = None if asked.length is None else seconds(asked.length)
    if hypothesis.soak is not None:
        from lab.cli.soaking import refuse_blind, told, with_length

        plan = with_length(hypothesis, plan, file, length_s, project.reports)
        if not asked.anyway:
            refuse_blind(plan)
        for line in told(plan):
            print(line)
    elif length_s is not None:
        raise NotebookError(f"--for: {hypothesis.name} is no soak; its trials have their times")
    return hypothesis, plan, None


def _unfinished(asked: Asked, project: Project) -> tuple[Hypothesis, Plan, Notebook]:
    """The latest run, its claim and its plan as they were sealed."""
    from lab.experiment import sealed_hypothesis
    from lab.notebook import Notebook, NotebookError

    target = asked.target
    folder = project.reports / Path(asked.name).stem / "latest"
    if not folder.is_dir():
        raise NotebookError(f"{folder}: there is no run to resume. Leave --resume out")
    notebook = Notebook.open(folder.resolve())
    _refuse_finished(notebook)
    plan = notebook.plan()
    if asked.length is not None:
        raise NotebookError(f"{notebook.folder}: its time is sealed. Leave --for out")
    if target not in (None, plan.target):
        raise NotebookError(
            f"{notebook.folder}: this run's target is {plan.target}, not {target}. "
            "Leave --target out, or start a new run without --resume"
        )
    hypothesis = sealed_hypothesis(notebook, plan, project.root)
    if hypothesis.claim_digest != plan.claim_digest:
        raise NotebookError(
            f"{project.root / hypothesis.scenario}: edited since the run began. "
            "Restore it, or start a new run without --resume"
        )
    return hypothesis, plan, notebook


def _refuse_finished(notebook: Notebook) -> None:
    from lab.notebook import NotebookError

    if notebook.path("verdict.json").exists():
        raise NotebookError(
            f"{notebook.folder}: this run has its verdict. Leave --resume out for a new one"
        )


def _seal(hypothesis: Hypothesis, plan: Plan, project: Project) -> tuple[Notebook, Plan]:
    """A new run folder with claim and plan in it, before the first trial."""
    from dataclasses import replace

    from lab.notebook import Notebook, attempts

    earlier = attempts(project.reports, hypothesis.name, hypothesis.claim_digest)
    plan = replace(plan, attempts=earlier)
    notebook = Notebook.create(project.reports, hypothesis.name)
    notebook.write_plan(plan, hypothesis.text)
    return notebook, plan


def _same_machine(notebook: Notebook, conditions: dict[str, object]) -> None:
    """Refuse to go on under other conditions: the blocks could not be compared."""
    from lab.conditions import differences
    from lab.notebook import NotebookError

    earlier = notebook.conditions()
    if earlier and (found := differences(earlier, conditions)):
        raise NotebookError(
            f"{notebook.folder}: conditions have changed since: {'; '.join(found)}. "
            "Start a new run without --resume"
        )


def _stop(stop: Callable[[], None]) -> None:
    """Bring everything down; what cannot be is told, and takes no verdict with it."""
    import sys

    from lab.targets.base import TargetError

    try:
        stop()
    except TargetError as error:
        print(f"lab: {error}", file=sys.stderr)


def _keep_logs_of_failure(notebook: Notebook, children: Children, stop: Callable[[], None]) -> None:
    """Logs go with the processes, unless the run came to nothing."""
    _stop(stop)
    decided = notebook.path("verdict.json").exists()
    if not decided or notebook.read_json("verdict.json")["verdict"] == "INVALID":
        children.keep_logs(notebook.path("logs"))


def _conclude(experiment: Experiment | Soak) -> Verdict:
    """Judge from what is on disk, render, and note how long all of it took."""
    from lab.experiment import verdict_of
    from lab.reporting import render

    notebook, hypothesis, plan = experiment.notebook, experiment.hypothesis, experiment.plan
    notebook.add_journal("measured", elapsed_s=round(experiment.elapsed_s(), 3))
    verdict = verdict_of(notebook, hypothesis, plan)
    notebook.write_verdict(verdict)
    render(notebook, hypothesis, plan, verdict)
    notebook.add_journal("session ended", elapsed_s=round(experiment.elapsed_s(), 3))
    verdict = verdict_of(notebook, hypothesis, plan)
    notebook.write_verdict(verdict)
    return verdict
