"""A value of a file with its line, and what reads it as text, number, list or group of keys."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lab.input_files.flaw import Flaw, shown, suggestion

MAX_ENTRIES = 64

Scalar = str | int | float | bool | None


@dataclass(frozen=True)
class Node:
    """A value of a file.

    Every method that reads the value raises a `Flaw` if the value is of another type.

    Attributes:
        name: Its key, or "item N of KEY".
        line: The line of its key, or of its item in a list.
        value: What is there.
        written: A scalar as it is written in the file.
    """

    name: str
    line: int
    value: Scalar | dict[str, Node] | list[Node]
    written: str = ""

    # How the format of the file writes things; another format has a class of its own.
    _list_example = "each item after a dash, as in `- item`"

    def entry(self, key: str, value: str) -> str:
        """A key with a value, as the format of the file writes them."""
        return f"{key}: {value}"

    def _group_example(self) -> str:
        return self.entry(self.name, "{key: value}")

    def _begin(self, key: str) -> str:
        """A key before its value."""
        return f"{key}:"

    @property
    def title(self) -> str:
        """Its name in a message; a name of several words is not a key."""
        return self.name if " " in self.name else f"`{self.name}`"

    def flaw(self, problem: str, remedy: str) -> Flaw:
        """What is wrong with this value."""
        return Flaw(self.line, problem, remedy)

    def wrong_type(self, wanted: str, example: str) -> Flaw:
        """The flaw that this value is not of the wanted type."""
        found = {dict: "a group of keys", list: "a list", type(None): "empty"}.get(
            type(self.value), shown(self.written)
        )
        return self.flaw(f"{self.title} is {found}, not {wanted}", f"Write {wanted}: {example}.")

    def at(self, *path: str | int) -> Node:
        """The node below this one, by keys and places."""
        node = self
        for step in path:
            below: Any = node.value
            node = below[step]
        return node

    def text(self) -> str:
        """Its text with runs of white space as one space, never empty."""
        return " ".join(self.exact().split())

    def exact(self) -> str:
        """Its text as written, never empty."""
        if isinstance(self.value, str) and self.value.strip():
            return self.value
        if self.value is None or isinstance(self.value, str):
            raise self.flaw(
                f"{self.title} is empty", f"Write some text after `{self._begin(self.name)}`."
            )
        raise self.wrong_type("text", self.entry(self.name, '"words in quotes"'))

    def boolean(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            raise self.wrong_type("true or false", self.entry(self.name, "true"))
        return self.value

    def number(self) -> float:
        """A finite number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.wrong_type("a number", self.entry(self.name, "0.5"))
        if not math.isfinite(self.value):
            raise self.flaw(
                f"{self.title} is {shown(self.written)}, which is not a finite number",
                "Write an ordinary number, as in 0.5.",
            )
        return float(self.value)

    def integer(self, minimum: int, maximum: int) -> int:
        """A whole number from `minimum` to `maximum`."""
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self.wrong_type("a whole number", self.entry(self.name, f"{minimum + 1}"))
        if not minimum <= self.value <= maximum:
            raise self.flaw(
                f"{self.title} is {self.value}", f"Write a number from {minimum} to {maximum}."
            )
        return self.value

    def sequence(self, maximum: int = MAX_ENTRIES) -> list[Node]:
        """Its items, not more than `maximum`."""
        if not isinstance(self.value, list):
            raise self.wrong_type("a list", self._list_example)
        self._limit(len(self.value), maximum)
        return self.value

    def mapping(self) -> dict[str, Node]:
        """Its keys and values."""
        if isinstance(self.value, dict):
            return self.value
        raise self.wrong_type("a group of keys", self._group_example())

    def entries(self, names: re.Pattern[str], what: str, example: str) -> dict[str, Node]:
        """Its keys and values where the author of the file chooses the names of the keys."""
        entries = self.mapping()
        for name, child in entries.items():
            if not names.fullmatch(name):
                raise child.flaw(
                    f"{shown(name)} is not the name of {what}", f"Write it like {example}."
                )
        self._limit(len(entries), MAX_ENTRIES)
        return entries

    def fields(
        self, readers: Mapping[str, Callable[[Node], Any]], optional: Iterable[str] = ()
    ) -> dict[str, Any]:
        """Its values by key, each as its reader returns it; unknown and missing keys are flaws."""
        values = {}
        for key, child in self.mapping().items():
            if key not in readers:
                raise child.flaw(f"unknown key {shown(key)}", suggestion(key, readers))
            values[key] = readers[key](child)
        missing = [key for key in readers if key not in values and key not in optional]
        if missing:
            raise self.flaw(
                f"{self.title} has no `{missing[0]}`", f"Add `{self._begin(missing[0])}` to it."
            )
        return values

    def only_one(self, *keys: str) -> str:
        """The one of these keys that the mapping has; none or several are a flaw."""
        found = [key for key in self.mapping() if key in keys]
        if not found:
            raise self.flaw(f"{self.title} has none of {', '.join(keys)}", "Add one of them.")
        if len(found) > 1:
            raise self.at(found[1]).flaw(
                f"`{found[1]}` is given together with `{found[0]}`", "Keep one of the two."
            )
        return found[0]

    def _limit(self, count: int, maximum: int) -> None:
        if count > maximum:
            raise self.flaw(f"{self.title} has {count} entries", f"Write at most {maximum}.")
