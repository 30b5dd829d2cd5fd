"""`lab doctor`: whether this machine can measure."""

from __future__ import annotations

import typer

from lab.exit_codes import ExitCode


def command() -> None:
    """Examine whether this machine can measure: cores, pinning, jitter, steal, other load."""
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table
    from rich.text import Text

    from lab.cli.doctor_checks import CHECKS

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("", "examined", "found", "wanted"):
        table.add_column(heading)
    failed = False
    for check in track(
        CHECKS, "examining", console=console, transient=True, disable=not console.is_terminal
    ):
        result = check()
        failed |= not result.passed
        table.add_row(
            Text("ok" if result.passed else "!!", style="green" if result.passed else "red"),
            Text(result.what),
            Text(result.found),
            Text(result.wanted),
        )
    console.print(table)
    if failed:
        console.print("This machine cannot be trusted to measure as it is.")
        raise typer.Exit(ExitCode.UNEXPECTED)
    console.print("This machine can measure.")
