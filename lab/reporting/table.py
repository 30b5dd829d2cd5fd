"""A table of the report, for every format."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Rows of text below a head; numbers are aligned to the right."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    align: str  # "l" or "r" per column

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Each head with its alignment."""
        return tuple(zip(self.head, self.align, strict=True))
