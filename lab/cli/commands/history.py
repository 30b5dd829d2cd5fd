"""`lab history`: the verdicts and estimates of a hypothesis over its runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lab.files.project_folder import Project


def command(
    name: Annotated[str, typer.Argument(help="A hypothesis, by name or file.", show_default=False)],
) -> None:
    """Show verdicts and estimates over all runs, and draw them. Never measures.

    Runs that were not measured alike are shown apart: on another machine or target, for example.
    """
    from rich.console import Console

    from lab.cli.recorded_runs import judged_runs
    from lab.cli.text_tables import text_table
    from lab.files.json_files import write_whole
    from lab.reporting.history_page import FILE, history_page
    from lab.reporting.run_history import run_history

    project = Project.find()
    name = Path(name).stem  # of a file hypotheses/NAME.md as well
    history = run_history(*judged_runs(project.reports, name))
    console = Console(highlight=False)
    if history.note:
        console.print(history.note)
    for group in history.groups:
        console.print(group.measured, markup=False)
        console.print(text_table(group.table))
    for each in history.left_out:
        console.print(f"left out: {each}", markup=False, soft_wrap=True)
    page = project.reports / name / FILE
    write_whole(page, history_page(history))
    console.print(f"page: {page}", markup=False, soft_wrap=True)
