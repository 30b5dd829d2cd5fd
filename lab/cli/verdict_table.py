"""A verdict on the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lab.measures.number_format import MISSING
from lab.verdict.record import Judgement, Verdict
from lab.verdict.wording import estimate_text, why_immaterial

if TYPE_CHECKING:
    from rich.table import Table

COLOURS = {"CONFIRMED": "green", "REFUTED": "magenta", "INCONCLUSIVE": "yellow", "INVALID": "red"}


def print_verdict(verdict: Verdict, notes: Iterable[str] = ()) -> None:
    """Print the verdict, its reasons, each prediction, and what else the reader should know."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    name = verdict.verdict or "UNFINISHED"
    console.print(
        Text.assemble(
            (name, f"bold {COLOURS.get(name, '')}"),
            f"  {verdict.hypothesis}, {verdict.blocks} blocks",
            f", {verdict.voided} voided" if verdict.voided else "",
            f", {verdict.measuring_s:.0f} s measured of {verdict.elapsed_s:.0f} s",
        )
    )
    for reason in verdict.reasons if verdict.verdict != "CONFIRMED" else ():  # the table shows it
        console.print(Text(f"  {reason}"), soft_wrap=True)
    if any(map(estimate_text, (*verdict.predictions, *verdict.rivals))):
        console.print(judgement_table(verdict))
    for note in notes:
        console.print(Text(f"note: {note}"), soft_wrap=True)


def print_report_path(report: Path) -> None:
    """Print where the report is, on one line."""
    print(f"report: {report}", flush=True)


def judgement_table(verdict: Verdict) -> Table:
    """Predictions and rivals with their estimates, of a finished or an interim verdict."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("prediction", "measure", "estimate", "predicted", "outcome"):
        table.add_column(heading, overflow="fold")
    for judgement in (*verdict.predictions, *verdict.rivals):
        says = judgement.says if judgement.claim is None else f"rival: {judgement.says}"
        table.add_row(
            Text(says),
            Text(f"{judgement.measure} {judgement.subject}"),
            Text(estimate_text(judgement) or MISSING),
            Text(judgement.bound),
            Text(_outcome(verdict, judgement)),
        )
    return table


def _outcome(verdict: Verdict, judgement: Judgement) -> str:
    immaterial = why_immaterial(verdict, judgement)
    return f"{judgement.outcome}; {immaterial}" if immaterial else judgement.outcome
