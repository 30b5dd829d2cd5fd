"""The `lab` command: its verbs, and one way of telling what went wrong."""

from __future__ import annotations

import sys

import typer

from lab.cli import check, doctor, judge, list_, report, run, serve, status

app = typer.Typer(
    help="Confirm or refute a suspicion about a bottleneck, by experiment.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("list")(list_.command)
app.command("check")(check.command)
app.command("run")(run.command)
app.command("status")(status.command)
app.command("judge")(judge.command)
app.command("report")(report.command)
app.command("serve")(serve.command)
app.command("doctor")(doctor.command)


def main() -> None:
    """Run a verb; every foreseen failure is one message and an exit code."""
    try:
        app()
    except Exception as error:
        from lab.cli.exit_codes import exit_code

        code = exit_code(error)
        if code is None:
            raise
        print(f"lab: {error}", file=sys.stderr)
        sys.exit(code)
