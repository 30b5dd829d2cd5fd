"""Runs what is prepared, and ends the command with the exit code of its verdict."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

import typer

from lab.cli import run_execution
from lab.cli.result_files import ResultFiles
from lab.cli.run_preparation import PreparedRun, RunOptions
from lab.cli.signals import Interrupted, InterruptedEarly
from lab.cli.worker_fleet import resume_command
from lab.cli.worker_planning import bind_address
from lab.exit_codes import ExitCode, exit_code_of_verdict
from lab.hypothesis import SoakTest

if TYPE_CHECKING:
    from lab.cli.detach import DetachedRun
    from lab.runs.run_folder import RunFolder

_BLOCKS = "finished blocks are kept, and the block under way is measured anew"
_MEASURED = "what was measured is kept"  # of a soak, whose trials go on in a further segment


def run_to_the_end(
    prepared: PreparedRun,
    options: RunOptions,
    result_files: ResultFiles,
    background: DetachedRun | None = None,
    after_interrupt: str | None = None,
) -> tuple[str, RunFolder]:
    """Run to the verdict, and write the files that were asked for.

    Args:
        prepared: What to run.
        options: The arguments of the command.
        result_files: What to write.
        background: Takes the messages for the terminal that a detached run has left.
        after_interrupt: What to do if a signal came; by default to resume the run.

    Returns:
        The verdict and the folder of the run.

    Raises:
        typer.Exit: A signal came before the verdict.
        LabError: What else prevents a verdict.
    """
    workers = prepared.plan.workers
    address = bind_address(workers, options.workers)
    command = resume_command(prepared.hypothesis.name, workers, str(address))
    is_soak = isinstance(prepared.hypothesis.kind, SoakTest)
    kept = _MEASURED if is_soak else _BLOCKS
    resume = f"{kept}: {command} continues"
    try:
        verdict, run_folder = run_execution.execute(prepared, options, result_files, background)
    except InterruptedEarly as error:
        print("lab: interrupted; nothing was measured yet", file=sys.stderr)
        raise typer.Exit(ExitCode.INTERRUPTED) from error
    except Interrupted as error:
        print(f"lab: interrupted; {after_interrupt or resume}", file=sys.stderr)
        raise typer.Exit(ExitCode.INTERRUPTED) from error
    assert verdict.verdict is not None
    return verdict.verdict, run_folder


def end(verdict: str, expected: str | None) -> NoReturn:
    """End the command with the code of a verdict."""
    raise typer.Exit(exit_code_of_verdict(verdict, expected))
