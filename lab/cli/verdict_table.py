"""A verdict on the terminal."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lab.hypothesis import in_words
from lab.run_folder import RunFolder
from lab.verdict import Judgement, Verdict

if TYPE_CHECKING:
    from rich.table import Table

COLOURS = {"CONFIRMED": "green", "REFUTED": "magenta", "INCONCLUSIVE": "yellow", "INVALID": "red"}


def print_verdict(verdict: Verdict, run_folder: RunFolder) -> None:
    """Verdict, reasons, each prediction, and where the report lies."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    name = verdict.verdict or "UNDECIDED"
    console.print(
        Text.assemble(
            (name, f"bold {COLOURS.get(name, '')}"),
            f"  {verdict.hypothesis}, {verdict.blocks} blocks",
            f", {verdict.voided} voided" if verdict.voided else "",
            f", {verdict.measuring_s:.0f} s measured of {verdict.elapsed_s:.0f} s",
        )
    )
    for reason in verdict.reasons if verdict.verdict != "CONFIRMED" else ():  # the table says it
        console.print(Text(f"  {reason}"), soft_wrap=True)
    if any(figures(j) != "-" for j in (*verdict.predictions, *verdict.rivals)):
        console.print(judgement_table(verdict))
    console.print(Text(f"report: {run_folder.path('report.html')}"), soft_wrap=True)


def judgement_table(verdict: Verdict) -> Table:
    """Predictions and rivals with their estimates so far."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("prediction", "measure", "estimate", "predicted", "so far"):
        table.add_column(heading, overflow="fold")
    for judgement in (*verdict.predictions, *verdict.rivals):
        says = judgement.says if judgement.claim is None else f"rival: {judgement.says}"
        table.add_row(
            Text(says),
            Text(f"{judgement.measure} {judgement.subject}"),
            Text(figures(judgement)),
            Text(judgement.bound),
            Text(judgement.outcome),
        )
    return table


def figures(judgement: Judgement) -> str:
    """An estimate with its interval."""
    if judgement.estimate is None:
        return "-" if judgement.low is None else f"none up to {judgement.low:.3g}"
    words = partial(in_words, judgement.measure)
    low = "-inf" if judgement.low is None else words(judgement.low)
    high = "inf" if judgement.high is None else words(judgement.high)
    return f"{words(judgement.estimate)} [{low}, {high}]"
