"""`lab doctor`: can this machine measure?"""

from __future__ import annotations

import typer

from lab.exit_codes import ExitCode


def command() -> None:
    """Tell whether this machine can measure: cores, pinning, jitter, steal, other load."""
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table
    from rich.text import Text

    from lab.doctor_checks import CHECKS

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("", "examined", "found", "wanted"):
        table.add_column(heading)
    failed = False
    for examine in track(
        CHECKS, "examining", console=console, transient=True, disable=not console.is_terminal
    ):
        finding = examine()
        failed |= not finding.good
        table.add_row(
            Text("ok" if finding.good else "!!", style="green" if finding.good else "red"),
            Text(finding.what),
            Text(finding.found),
            Text(finding.wanted),
        )
    console.print(table)
    if failed:
        console.print("This machine cannot be trusted to measure as it is.")
        raise typer.Exit(ExitCode.UNEXPECTED)
    console.print("This machine can measure.")
