"""Labels of shelves, as the printer takes them."""

from __future__ import annotations

COLUMNS = 1000  # of dots


def label(sku: str, columns: int = COLUMNS) -> int:
    """The dots of a label, as one number."""
    dots = 0
    for column in range(columns):
        dots = (dots * 31 + ord(sku[column % len(sku)])) % 1_000_003
    return dots
