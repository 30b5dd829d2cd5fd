"""What `lab run` does before anything starts: read the files, draw or read the plan, refuse."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from lab.cli.certificates import certificate_of
from lab.cli.cores_of_run import cores_line
from lab.cli.durations import parse_duration
from lab.cli.expected_conditions import expected_conditions
from lab.cli.load_caps import refuse_over_caps
from lab.cli.name_lookup import hypothesis_file
from lab.cli.run_assembly import TARGETS, require_described, target_of_run
from lab.cli.run_forecast import forecast_lines
from lab.cli.scenario_environment import passed_variables, refuse_withheld
from lab.cli.soak_planning import detectable_lines, plan_soak, require_detectable, unknown_lines
from lab.cli.worker_planning import WorkerOptions, plan_workers, resumed_workers
from lab.errors import UsageError
from lab.experiment import sealed_hypothesis
from lab.files.project_folder import Project
from lab.files.source_files import digest
from lab.hypothesis import Benchmark, Hypothesis, SoakTest, load
from lab.runs.run_folder import RunFolder, RunFolderError, require_latest_link
from lab.system import FILE, System, load_system
from lab.targets.command_environment import refuse_hiding_the_lab
from lab.targets.revision_worktrees import (
    cautions,
    commits_of,
    refuse_fixed_paths,
    require_commits,
)
from lab.trials.plan import Plan, draw
from lab.trials.process_lifetime import choose_lifetime

_SEEDS = 10**6


class RunOptions(NamedTuple):
    """The arguments of the command."""

    name: str
    seed: int | None
    target: str | None
    resume: bool
    no_wait: bool
    profile: bool
    length: str | None
    anyway: bool
    workers: WorkerOptions = WorkerOptions()
    written: tuple[Path, ...] = ()  # by --junit and --summary


class PreparedRun(NamedTuple):
    """A run whose files are right and whose plan is known."""

    project: Project
    file: Path  # of the hypothesis, for messages
    hypothesis: Hypothesis
    plan: Plan
    run_folder: RunFolder | None  # of the run that is resumed
    system: System
    described: str  # the digest of the `lab.toml` that it was read from


def prepare(options: RunOptions) -> PreparedRun:
    """Read the hypothesis and make its plan, or read both from the run that is resumed.

    Raises:
        UsageError: The command or a file is wrong, or there is no run to resume.
    """
    project = Project.find()
    return _resumed_run(options, project) if options.resume else _new_run(options, project)


def system_of(hypothesis: Hypothesis, project: Project) -> System:
    """What `lab.toml` says of the system; a benchmark needs none, and then nothing.

    Raises:
        SystemFileError: It is wrong, or there is none and the hypothesis needs it.
    """
    if isinstance(hypothesis.kind, Benchmark) and not (project.root / FILE).exists():
        return System()
    return load_system(project.root)


def plan_lines(
    hypothesis: Hypothesis, plan: Plan, project: Project, system: System
) -> Iterator[str]:
    """What is to be known of a plan before its run: processes, workers, cores, what it decides.

    Raises:
        UsageError: `processes` or LAB_TARGET_CORES is wrong.
    """
    if chosen := choose_lifetime(hypothesis, plan.margins.fresh_within, plan.target):
        yield str(chosen)
    if plan.workers is not None:
        yield f"load: by {plan.workers}, in whole windows"
    if cores := cores_line(hypothesis, plan):
        yield cores
    yield from _forecast_of(hypothesis, plan, project, system)


def _forecast_of(hypothesis: Hypothesis, plan: Plan, project: Project, system: System) -> list[str]:
    """What a run is likely to decide, from earlier runs or else from a certificate.

    A soak has its forecast in its plan; here are the slopes of which it has none.
    """
    here = expected_conditions(hypothesis, plan, system)
    if isinstance(hypothesis.kind, SoakTest):
        return unknown_lines(hypothesis, plan, project.reports, here)
    certificate = certificate_of(project.root, hypothesis, plan, system, here)
    return forecast_lines(hypothesis, plan, project.reports, here, certificate)


def with_revisions(
    hypothesis: Hypothesis,
    plan: Plan,
    project: Project,
    system: System,
    written: tuple[Path, ...] = (),
) -> Plan:
    """The plan with the commits that the revisions of the arms are now.

    Args:
        hypothesis: What is to be run.
        plan: For it.
        project: The project.
        system: As its `lab.toml` describes it.
        written: Files that the command writes: they are not what is measured.

    Raises:
        UsageError: There is no such revision, or the target cannot run one.
    """
    if not hypothesis.revisions:
        return plan
    is_service = not isinstance(hypothesis.kind, Benchmark)
    if is_service and not system.processes:
        raise UsageError(
            f"{project.root / FILE}: revisions run as processes of this machine, and it has no "
            "[[process]]. Add one"
        )
    if plan.target != TARGETS[0]:
        raise UsageError(
            f"{hypothesis.name}: its arms are revisions of the code, and those run as processes of "
            f"this machine only. Use --target {TARGETS[0]}"
        )
    refuse_fixed_paths(project.root, system)
    commits = commits_of(project.root, hypothesis.revisions, written)
    for line in cautions(project.root, system, hypothesis.revisions, commits, written):
        print(f"revisions: {line}")
    return replace(plan, revisions=commits)


def refuse_finished(run_folder: RunFolder) -> None:
    """RunFolderError if a run has its verdict."""
    if not run_folder.path("verdict.json").exists():
        return
    lost = run_folder.last_event() == "profiling"
    more = ", and its report is complete but for profiles: they are not taken later" if lost else ""
    raise RunFolderError(
        f"{run_folder.folder}: this run has its verdict{more}. Leave --resume out for a new one"
    )


def _new_run(options: RunOptions, project: Project) -> PreparedRun:
    """The hypothesis as its file is now, and a new plan."""
    file = hypothesis_file(options.name, project)
    return new_run(load(file, project.root), file, options, project)


def new_run(
    hypothesis: Hypothesis, file: Path, options: RunOptions, project: Project
) -> PreparedRun:
    """A hypothesis and a new plan for it.

    Args:
        hypothesis: What is to be run.
        file: Of it, for messages.
        options: The arguments of the command.
        project: The project.

    Raises:
        UsageError: The command or a file is wrong.
    """
    refuse_hiding_the_lab(project.root)
    require_latest_link(project.reports, hypothesis.name)
    passed_variables(hypothesis, file)
    refuse_withheld(hypothesis, file, project.root)
    seed = secrets.randbelow(_SEEDS) if options.seed is None else options.seed
    described = digest(project.root, (FILE,))
    system = system_of(hypothesis, project)
    plan = draw(hypothesis, seed, options.target or target_of_run(hypothesis, system))
    plan = plan_workers(hypothesis, plan, options.workers)
    plan = with_revisions(hypothesis, plan, project, system, options.written)
    if not isinstance(hypothesis.kind, Benchmark):
        require_described(plan.target, system, project.root)
    length_s = None if options.length is None else parse_duration(options.length)
    if isinstance(hypothesis.kind, SoakTest):
        here = expected_conditions(hypothesis, plan, system)
        plan = plan_soak(hypothesis, plan, file, length_s, project.reports, here)
        if not options.anyway:
            require_detectable(plan)
        for line in detectable_lines(plan):
            print(line)
    elif length_s is not None:
        raise UsageError(
            f"--for: {hypothesis.name} is no soak, and its file sets the time of a trial. Leave "
            "--for out"
        )
    refuse_over_caps(hypothesis, file, plan, system.safety)
    for line in plan_lines(hypothesis, plan, project, system):
        print(line)
    return PreparedRun(project, file, hypothesis, plan, None, system, described)


def _resumed_run(options: RunOptions, project: Project) -> PreparedRun:
    """The latest run, with its hypothesis and its plan as they were sealed."""
    folder = require_latest_link(project.reports, Path(options.name).stem)
    if not folder.is_dir():
        raise RunFolderError(f"{folder}: there is no run to resume. Leave --resume out")
    run_folder = RunFolder.open(folder.resolve())
    refuse_finished(run_folder)
    plan = run_folder.plan()
    if options.length is not None:
        raise RunFolderError(f"{run_folder.folder}: its length is sealed. Leave --for out")
    resumed_workers(plan, options.workers, run_folder.folder)
    plan = replace(plan, target=plan.target_name)
    if options.target not in (None, plan.target):
        raise RunFolderError(
            f"{run_folder.folder}: this run's target is {plan.target}, not {options.target}. "
            "Leave --target out, or start a new run without --resume"
        )
    if options.seed not in (None, plan.seed):
        raise RunFolderError(
            f"{run_folder.folder}: this run's seed is {plan.seed}, not {options.seed}. "
            "Leave --seed out, or start a new run without --resume"
        )
    hypothesis = sealed_hypothesis(run_folder, plan, project.root)
    if isinstance(hypothesis.kind, Benchmark) and plan.slices is None:
        raise RunFolderError(
            f"{run_folder.folder}: begun by a version of the lab that did not measure benchmarks "
            "in slices. Start a new run without --resume"
        )
    if hypothesis.claim_digest != plan.claim_digest:
        raise RunFolderError(
            f"{project.root / hypothesis.scenario}: edited since the run began, or a file of the "
            "project that it uses was. Restore it, or start a new run without --resume"
        )
    require_commits(project.root, plan.revisions)
    file = run_folder.path("hypothesis.md")
    passed_variables(hypothesis, file)
    refuse_withheld(hypothesis, file, project.root, is_resumed=True)
    described = digest(project.root, (FILE,))
    system = system_of(hypothesis, project)
    return PreparedRun(project, file, hypothesis, plan, run_folder, system, described)
