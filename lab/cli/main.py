"""The `lab` command: its verbs, and how whatever ends one is reported."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import typer

from lab.cli.commands import (
    certify,
    check,
    clean,
    compare,
    diff,
    doctor,
    export,
    history,
    init,
    judge,
    list_,
    new,
    report,
    run,
    serve,
    status,
    worker,
)
from lab.errors import LabError, MeasurementError, is_disk_full, storage_error
from lab.exit_codes import ExitCode

_STDOUT = 1  # its descriptor

app = typer.Typer(
    help="Confirm or refute a hypothesis about a bottleneck, by experiment.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("init")(init.command)
app.command("new")(new.command)
app.command("list")(list_.command)
app.command("check")(check.command)
app.command("run")(run.command)
app.command("diff")(diff.command)
app.command("certify")(certify.command)
app.command("status")(status.command)
app.command("judge")(judge.command)
app.command("report")(report.command)
app.command("history")(history.command)
app.command("compare")(compare.command)
app.command("export")(export.command)
app.command("serve")(serve.command)
app.command("worker")(worker.command)
app.command("clean")(clean.command)
app.command("doctor")(doctor.command)


def main() -> None:
    """Run a verb; an error is one message and its exit code, a defect its traceback."""
    try:
        _run_verb()
    except LabError as error:
        _fail(error)
    except BrokenPipeError:
        # what is left of the output would fail once more when the interpreter ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)
        sys.exit(ExitCode.INVALID)  # in silence, as other tools: `lab list | head` is no mistake
    except OSError as error:
        if is_disk_full(error):
            _fail(storage_error(Path(tempfile.gettempdir()), error))
        if error.filename is None:
            _fail_by_defect()
        _fail(MeasurementError(f"{error.filename}: cannot be used ({error.strerror})"))
    except Exception:
        _fail_by_defect()


def _run_verb() -> None:
    """End by SystemExit, or by BrokenPipeError, to which typer gives the code of a verdict."""
    try:
        app()
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):
            raise ended.__context__ from None
        print(end="", flush=True)  # a failure of this has a code, too
        raise


def _fail(error: LabError) -> NoReturn:
    with suppress(OSError):  # there may be nobody who reads it
        print(f"lab: {error}", file=sys.stderr)
    sys.exit(error.exit_code)


def _fail_by_defect() -> NoReturn:
    with suppress(OSError):
        traceback.print_exc()
    sys.exit(ExitCode.INVALID)
