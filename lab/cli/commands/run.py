"""`lab run`: one hypothesis, from its file to a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.result_files import JunitOption, ResultFiles, SummaryOption
from lab.driver_messages import WORKER_PORT
from lab.errors import UsageError

if TYPE_CHECKING:
    from lab.cli.detach import DetachedRun
    from lab.cli.run_preparation import PreparedRun


def command(
    name: Annotated[
        str, typer.Argument(help="NAME of hypotheses/NAME.md, or a path that ends in .md.")
    ],
    seed: Annotated[
        int | None,
        typer.Option(help="Seed of all random orders.", show_default="drawn at random"),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            help="Where the system runs: local (processes of this machine), compose or url.",
            show_default="the first that lab.toml describes",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the latest run, if it is unfinished.")
    ] = False,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Stop if another run is measuring.")
    ] = False,
    profile: Annotated[
        bool,
        typer.Option(
            "--profile/--no-profile",
            help="Profile every arm after the verdict, in runs that are not timed.",
        ),
    ] = True,
    expect: Annotated[
        str | None,
        typer.Option(help="CONFIRMED or REFUTED: exit with 1 if decided otherwise."),
    ] = None,
    length: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="Soaks: how long in all, as in 8h or 30m."),
    ] = None,
    anyway: Annotated[
        bool,
        typer.Option(
            "--anyway",
            help="Run although no source file names a setting, or a soak is too short to detect.",
        ),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Processes on this machine that share the load.",
            show_default="as the file says, else 1",
        ),
    ] = None,
    expect_workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Workers in all; those that are not started here join with lab worker.",
        ),
    ] = None,
    bind: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where workers of other machines join.",
            show_default=f"127.0.0.1:{WORKER_PORT}",
        ),
    ] = None,
    detached: Annotated[
        bool,
        typer.Option("--detach", help="Continue in the background; the terminal may be closed."),
    ] = False,
    junit: JunitOption = None,
    summary: SummaryOption = None,
) -> None:
    """Run an experiment and end with a verdict.

    Exit codes: 0 decided (CONFIRMED or REFUTED), 1 decided otherwise than --expect, 2 the command
    or a file is wrong, 3 INCONCLUSIVE, 4 INVALID, 130 interrupted.
    """
    from lab.cli.run_ending import end, run_to_the_end
    from lab.cli.run_preparation import RunOptions, prepare
    from lab.cli.worker_fleet import require_token_for_log
    from lab.cli.worker_planning import WorkerOptions
    from lab.exit_codes import DECIDED

    if expect is not None and expect not in DECIDED:
        raise UsageError(f"--expect {expect}: no such verdict. Write one of {', '.join(DECIDED)}")
    result_files = ResultFiles.prepare(junit, summary)
    options = RunOptions(
        name,
        seed,
        target,
        resume,
        no_wait,
        profile,
        length,
        anyway,
        WorkerOptions(workers, expect_workers, bind),
        result_files.asked_for,
    )
    prepared = prepare(options)
    background = None
    if detached:
        require_token_for_log(prepared.plan.workers)
    if detached and (background := _detach(prepared)) is None:
        return
    verdict, _ = run_to_the_end(prepared, options, result_files, background)
    end(verdict, expect)


def _detach(prepared: PreparedRun) -> DetachedRun | None:
    """Continue in the background; None in the process that was started from the terminal."""
    from lab.cli.detach import detach

    resumed = prepared.run_folder.folder if prepared.run_folder else None
    return detach(prepared.project.reports / prepared.hypothesis.name, resumed)
