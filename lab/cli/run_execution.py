"""What `lab run` does with a prepared run: start everything, run the loop, judge, profile."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from lab.cli.certificates import certificate_of
from lab.cli.cores_of_run import cores_of_run
from lab.cli.preflight import RunParts
from lab.cli.progress import Progress
from lab.cli.run_assembly import bring_up
from lab.cli.run_index import rebuild_index
from lab.cli.run_preparation import PreparedRun, RunOptions, refuse_finished
from lab.cli.scenario_environment import passed_variables
from lab.cli.signals import Interrupted, before_first_trial, deferred_signals, interruptible
from lab.cli.verdict_table import print_report_path, print_verdict
from lab.cli.worker_fleet import fleet_of
from lab.errors import UsageError, first_line
from lab.experiment import verdict_of
from lab.files.source_files import digest
from lab.gates import traffic_notes
from lab.hypothesis import SoakTest, loads
from lab.machine.conditions import differences, observe
from lab.machine.cpu_pinning import pin
from lab.machine.run_lock import machine_lock
from lab.processes.child_processes import Children
from lab.runs.run_folder import RunFolder, RunFolderError, attempts
from lab.system import FILE
from lab.targets.installed_packages import (
    differing_versions,
    interpreters_of,
    packages_digest,
    packages_of,
)
from lab.targets.revision_worktrees import RevisionWorktrees, build_cautions, cautions
from lab.targets.target_interface import TargetError
from lab.trials.plan import Plan

if TYPE_CHECKING:
    from lab.cli.detach import DetachedRun
    from lab.cli.result_files import ResultFiles
    from lab.experiment import Session
    from lab.verdict.record import Verdict

_NICENESS = 10
_START_S = 10.0  # that interpreter and imports may take


def execute(
    prepared: PreparedRun,
    options: RunOptions,
    result_files: ResultFiles,
    background: DetachedRun | None,
) -> tuple[Verdict, RunFolder]:
    """Run to the verdict, then profile. Nothing that was started is left, however it ends.

    The verdict is printed as soon as it is known; it, the report and the files that were asked for
    are on disk before the first profile is taken. From then on a signal or a failure costs profiles
    only.

    Args:
        prepared: What to run.
        options: The arguments of the command.
        result_files: What to write of the verdict.
        background: Takes the messages for the terminal that a detached run has left.

    Raises:
        Interrupted: A signal came before the verdict; InterruptedEarly before there was a run to
            keep.
        LabError: Something that is needed for the verdict is wrong or failed, or a file that was
            asked for cannot be written.
    """
    progress = Progress(prepared.hypothesis, prepared.plan)
    with ExitStack() as cleanup:
        with interruptible():
            session, stop = _measure(prepared, options, result_files, background, progress, cleanup)
        with deferred_signals() as came:  # so that a verdict always has its report
            profiled = options.profile and _can_be_profiled(session)
            verdict = _judge(session)
            progress.close()
            print_verdict(verdict, traffic_notes(session.run_folder.trials()))
            progress.stage("writing the report")
            if not profiled:
                _stop(stop)
            _write_report(session, verdict)
            print_report_path(session.run_folder.path("report.html"))
            rebuild_index(session.run_folder, prepared.project.reports)
            result_files.write(session.run_folder, prepared.hypothesis, verdict)
        if profiled:
            _profile(session, progress, verdict, is_interrupted=bool(came))
    return verdict, session.run_folder


def _measure(
    prepared: PreparedRun,
    options: RunOptions,
    result_files: ResultFiles,
    background: DetachedRun | None,
    progress: Progress,
    cleanup: ExitStack,
) -> tuple[Session, Callable[[], None]]:
    """Start everything and run the loop to its end; the session, and what stops its target."""
    began = _command_began()
    passed = passed_variables(prepared.hypothesis, prepared.file)
    with nullcontext() if prepared.run_folder else before_first_trial():
        began += _wait_for_machine(options, progress, background, cleanup)
        if prepared.run_folder is not None:
            refuse_finished(prepared.run_folder)  # the run that was waited for, perhaps
        system = prepared.system
        machine = observe(prepared.project.root, system.sealed_code, system.packages)
        result_files.remove_earlier()  # now: the tree was looked at as it was
        children = cleanup.enter_context(Children(passed))
        cleanup.enter_context(progress)
        local_workers = prepared.plan.local_workers
        choice = cores_of_run(prepared.hypothesis, prepared.run_folder, local_workers)
        building = time.monotonic()
        revisions, folders = _built_revisions(prepared, options, children, progress)
        began += time.monotonic() - building  # which is no part of the budget either
        parts = RunParts(
            prepared.hypothesis,
            prepared.file,
            children,
            prepared.project,
            choice.cores,
            system,
            progress.notice,
            options.anyway,
            folders,
            fleet_of(prepared.plan.workers, options.workers),
        )
        started = bring_up(
            parts,
            prepared.plan.target,
            progress.stage,
            lambda stop: cleanup.callback(_stop, stop),
        )
    _refuse_edited(prepared)
    pin(os.getpid(), choice.cores.driver)
    os.nice(_NICENESS)  # the driver shares the core and must not wait for this process
    run_folder, plan = _run_folder(prepared)
    if background:
        background.settled(run_folder.folder)
    cleanup.callback(_keep_logs_of_failure, run_folder, children, started.stop)
    _record_conditions(
        run_folder,
        {
            **machine,
            **revisions,
            **_certificate(prepared, {**machine, **started.conditions}),
            **started.conditions,
            "pinning": choice.as_dict(),
        },
    )
    session = started.session(plan, run_folder, began)
    for event in session.run():
        progress.show(event)
    return session, started.stop


def _built_revisions(
    prepared: PreparedRun, options: RunOptions, children: Children, progress: Progress
) -> tuple[dict[str, Any], dict[str, Path]]:
    """What is recorded of the arms' revisions, and the folder of each; nothing without any."""
    written = prepared.hypothesis.revisions
    if not written:
        return {}, {}
    worktrees = RevisionWorktrees(prepared.project.root, prepared.system, children, progress.stage)
    revisions = worktrees.revisions(written, prepared.plan.revisions)
    folders = worktrees.build(revisions)
    packages = {arm: packages_of(folder) for arm, folder in folders.items()}
    interpreters = {arm: interpreters_of(folder) for arm, folder in folders.items()}
    recorded: dict[str, Any] = {
        "revisions": {
            arm: {
                **asdict(each),
                "packages": packages_digest(packages[arm]),
                "interpreters": interpreters[arm],
            }
            for arm, each in revisions.items()
        },
        FILE: prepared.described,
    }
    root, commits = prepared.project.root, prepared.plan.revisions
    said = cautions(root, prepared.system, written, commits, options.written)
    for line in build_cautions(prepared.system, folders):
        progress.notice(f"revisions: {line}")
        said.append(line)
    if said:
        recorded["cautions"] = said
    for what, installed in (("interpreters", interpreters), ("packages", packages)):
        if differing := differing_versions(installed):
            progress.notice(f"revisions: their {what} differ: {'; '.join(differing)}")
            recorded[f"{what} that differ"] = differing
    return recorded, folders


def _refuse_edited(prepared: PreparedRun) -> None:
    """UsageError if what is sealed is not what was just started: both were read some time ago."""
    hypothesis, root = prepared.hypothesis, prepared.project.root
    now = loads(hypothesis.text, prepared.file, root, name=hypothesis.name, sealed=True)
    edited = None
    if now.claim_digest != hypothesis.claim_digest:
        edited = f"{root / hypothesis.scenario}: this, or a file of the project that it uses,"
    elif digest(root, (FILE,)) != prepared.described:
        edited = f"{root / FILE}: this"
    if edited:
        raise UsageError(f"{edited} was edited while the run waited or built. Start it again")


def _certificate(prepared: PreparedRun, conditions: Mapping[str, Any]) -> dict[str, Any]:
    """What was certified of this workload under these conditions, to be cited; nothing if none."""
    found = certificate_of(
        prepared.project.root, prepared.hypothesis, prepared.plan, prepared.system, conditions
    )
    return {} if found is None else {"certificate": found.conditions()}


def _command_began() -> float:
    """When the command was typed, in monotonic seconds: before the interpreter and the imports.

    A shell may have become this process by `exec`, and have run other commands before.
    """
    age_s = time.time() - psutil.Process().create_time()
    return time.monotonic() - min(age_s, _START_S)


def _wait_for_machine(
    options: RunOptions, progress: Progress, background: DetachedRun | None, cleanup: ExitStack
) -> float:
    """Hold the machine until the end; how long that took, which is no part of the budget."""

    def report_wait(holder: int | None) -> None:
        progress.waiting(holder)
        if background:
            background.waiting(holder)

    began = time.monotonic()
    cleanup.enter_context(
        machine_lock(
            None if options.no_wait else report_wait,
            remedy="Leave --no-wait out to wait for it",
        )
    )
    return time.monotonic() - began


def _run_folder(prepared: PreparedRun) -> tuple[RunFolder, Plan]:
    """The folder of the run, with hypothesis and plan sealed in it before the first trial."""
    hypothesis, reports = prepared.hypothesis, prepared.project.reports
    if prepared.run_folder is not None:
        return prepared.run_folder, prepared.plan
    earlier = attempts(reports, hypothesis.name, hypothesis.claim_digest, prepared.plan.revisions)
    plan = replace(prepared.plan, attempts=earlier)
    run_folder = RunFolder.create(reports, hypothesis.name)
    run_folder.write_plan(plan, hypothesis.text)
    return run_folder, plan


def _record_conditions(run_folder: RunFolder, conditions: dict[str, Any]) -> None:
    """Write the conditions of this session. RunFolderError if they differ from those before."""
    earlier = run_folder.conditions()
    if earlier and (found := differences(earlier, conditions)):
        raise RunFolderError(
            f"{run_folder.folder}: conditions have changed since: {'; '.join(found)}. "
            "Start a new run without --resume"
        )
    run_folder.write_json("conditions.json", conditions)
    run_folder.add_journal("session began", elapsed_s=0.0, pid=os.getpid())


def _can_be_profiled(session: Session) -> bool:
    is_soak = isinstance(session.hypothesis.kind, SoakTest)
    return not is_soak and session.interim_verdict.verdict != "INVALID"


def _profile(
    session: Session, progress: Progress, verdict: Verdict, *, is_interrupted: bool
) -> None:
    """Take the profiles and add them to the report; whatever ends that costs profiles only.

    The journal gets no elapsed time any more: that of the verdict stays as it is on disk.
    """
    run_folder = session.run_folder
    try:
        run_folder.add_journal("profiling")
        with interruptible():
            if is_interrupted:
                raise Interrupted
            progress.notice(
                "profiles are taken now and added to the report; Ctrl-C is safe: verdict and "
                "report are complete"
            )
            for event in session.profiles():
                progress.show(event)
        run_folder.add_journal("profiled")
    except (Interrupted, Exception) as error:
        _report_lost_profiles(error)
    if any(run_folder.path("profiles").iterdir()):
        _add_profiles(session, verdict)


def _report_lost_profiles(error: BaseException) -> None:
    """Say that profiles are missing, on standard error; the verdict does not need them."""
    how = "interrupted" if isinstance(error, Interrupted) else f"ended: {first_line(error)}"
    print(f"lab: profiling was {how}; verdict and report are complete", file=sys.stderr)


def _add_profiles(session: Session, verdict: Verdict) -> None:
    """Render the report again, with the profiles that were taken."""
    try:
        _write_report(session, verdict)
    except Exception as error:  # the report without them is complete
        _report_lost_profiles(error)


def _write_report(session: Session, verdict: Verdict) -> None:
    from lab.reporting import render

    render(session.run_folder, session.hypothesis, session.plan, verdict)


def _judge(session: Session) -> Verdict:
    """Judge from what is on disk, and record how long it took until then."""
    session.note("session ended")
    verdict = verdict_of(session.run_folder, session.hypothesis, session.plan)
    session.run_folder.write_verdict(verdict)
    return verdict


def _keep_logs_of_failure(
    run_folder: RunFolder, children: Children, stop: Callable[[], None]
) -> None:
    """Keep the logs of the processes if the run has no verdict or is INVALID."""
    _stop(stop)  # a target writes its last logs then
    if run_folder.verdict_name() in (None, "INVALID"):
        children.keep_logs(run_folder.path("logs"))


def _stop(stop: Callable[[], None]) -> None:
    """Stop the target; a failure to do so is reported and costs no verdict."""
    try:
        stop()
    except TargetError as error:
        print(f"lab: {error}", file=sys.stderr)
