"""What a fake changed since its unit of work began."""

from collections.abc import Callable
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Journal:
    """Changes rows held in dictionaries, and takes the changes back."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], object]] = []

    def put(self, rows: dict[Key, Value], key: Key, value: Value) -> None:
        """Set a row."""
        self._remember(rows, key)
        rows[key] = value

    def drop(self, rows: dict[Key, Value], key: Key) -> None:
        """Remove a row."""
        self._remember(rows, key)
        del rows[key]

    def commit(self) -> None:
        """What was changed stays."""
        self._undo.clear()

    def rollback(self) -> None:
        """Take back what was not committed, the last first."""
        while self._undo:
            self._undo.pop()()

    def _remember(self, rows: dict[Key, Value], key: Key) -> None:
        if key in rows:
            before = rows[key]
            self._undo.append(lambda: rows.__setitem__(key, before))
        else:
            self._undo.append(lambda: rows.pop(key, None))
