"""Environment variables that a hypothesis passes to its scenario: names are written, values never.

The values reach the process that runs the scenario through its environment alone. Whatever that
process reports or prints is redacted before it is recorded or shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

MIN_REDACTED = 4
"""Characters of a value: shorter ones, as `1` or `dev`, would occur in every text by chance."""

_MIN_CUT = 8  # characters of a value that a message ends in because it was cut there

Record = TypeVar("Record")


class PassedVariables:
    """The variables with their values. Its `repr` shows the names alone."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = dict(values or {})
        found = {
            form: f"[value of {name}]"
            for name, value in self._values.items()
            for form in _forms(value)
        }
        # a value that contains another one goes first
        self._replacements = sorted(found.items(), key=lambda item: -len(item[0]))

    def __repr__(self) -> str:
        return f"PassedVariables({', '.join(self._values)})"

    def environment(self) -> dict[str, str]:
        """The variables, for the environment of a process."""
        return dict(self._values)

    def redact(self, text: str) -> str:
        """The text with `[value of NAME]` in place of a value, also of one that is cut at its end.

        Values are found as they are, quoted for a URL, and escaped as in a literal. Values of less
        than four characters are left.
        """
        for form, replacement in self._replacements:
            text = text.replace(form, replacement)
            text = _without_cut_end(text, form, replacement)
        return text

    def redact_record(self, record: Record) -> Record:
        """The same record with every text in it redacted, keys of mappings included."""
        if not self._replacements:
            return record
        redacted: Record = self._redacted(record)
        return redacted

    def _redacted(self, data: Any) -> Any:
        match data:
            case str():
                return self.redact(data)
            case Mapping():
                return {self._redacted(key): self._redacted(data[key]) for key in data}
            case tuple() if hasattr(data, "_fields"):
                return type(data)(*map(self._redacted, data))
            case tuple() | list():
                return type(data)(map(self._redacted, data))
        if is_dataclass(data) and not isinstance(data, type):
            names = [each.name for each in fields(data) if each.init]
            return replace(data, **{name: self._redacted(getattr(data, name)) for name in names})
        return data


def _forms(value: str) -> Iterator[str]:
    """How a value may stand in a text; each line of a value of several lines, too."""
    for text in {value, *value.splitlines()}:
        if len(text.strip()) < MIN_REDACTED:
            continue
        yield text
        yield repr(text)[1:-1]
        yield json.dumps(text)[1:-1]
        yield quote(text, errors="surrogateescape")
        yield quote(text, safe="", errors="surrogateescape")
        yield quote_plus(text, errors="surrogateescape")


def _without_cut_end(text: str, form: str, replacement: str) -> str:
    """The text without a part of the value at its end, where a long message was cut."""
    body = text.rstrip(".…'\"`")
    for length in range(min(len(form) - 1, len(body)), _MIN_CUT - 1, -1):
        if body.endswith(form[:length]):
            return f"{body[:-length]}{replacement}{text[len(body) :]}"
    return text
