"""The `lab` command: its verbs, and how each foreseen error is reported."""

from __future__ import annotations

import sys
import tempfile
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
from lab.errors import LabError, is_disk_full, storage_error

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
    """Run a verb; a foreseen error becomes one message and its exit code."""
    try:
        app()
    except LabError as error:
        _fail(error)
    except OSError as error:
        if not is_disk_full(error):
            raise  # a defect
        _fail(storage_error(Path(tempfile.gettempdir()), error))


def _fail(error: LabError) -> NoReturn:
    print(f"lab: {error}", file=sys.stderr)
    sys.exit(error.exit_code)
