"""The conditions of the run: machine, versions, processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lab.measures.number_format import MISSING
from lab.reporting.table import Table


def condition_tables(conditions: Mapping[str, Any]) -> tuple[tuple[str, Table], ...]:
    """A table with its title for each part of `conditions.json`."""
    parts = {key: value for key, value in conditions.items() if isinstance(value, Mapping)}
    loose = {key: value for key, value in conditions.items() if key not in parts}
    if loose:
        parts = {"general": loose, **parts}
    return tuple(
        (title, Table(("condition", "value"), tuple(flattened(part)), "ll"))
        for title, part in parts.items()
        if part
    )


def flattened(data: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Every value below a mapping as text, with the path of its keys."""
    for key, value in data.items():
        name = f"{path}{key}"
        if isinstance(value, Mapping):
            yield from flattened(value, f"{name} › ")
        elif isinstance(value, list):
            yield name, ", ".join(str(item) for item in value)
        else:
            yield name, MISSING if value is None else str(value)
