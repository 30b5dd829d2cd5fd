"""Tables of a report on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.reporting.table import Table

if TYPE_CHECKING:
    from rich.table import Table as RichTable


def text_table(table: Table) -> RichTable:
    """A table without lines, whose cells are folded to the width of the terminal."""
    from rich.table import Table as RichTable
    from rich.text import Text

    shown = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading, align in table.columns:
        shown.add_column(heading, overflow="fold", justify="right" if align == "r" else "left")
    for row in table.rows:
        shown.add_row(*map(Text, row))
    return shown
