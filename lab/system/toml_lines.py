"""Where each value of a TOML text is written: the standard library's parser keeps no lines.

The text has been parsed by `tomllib` before, so it is valid, and this reads no more of the syntax
than is needed to find where keys, items and values begin.
"""

from __future__ import annotations

import bisect
import re
import tomllib
from dataclasses import dataclass, field

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}#\n]+")
_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")


@dataclass
class Place:
    """Where a value is written.

    Attributes:
        line: Of its key, of the header of its table, or of the item of a list.
        written: A number, a date, true or false as it is written; empty for all else.
        keys: The places of the keys of a table.
        items: The places of the items of a list.
    """

    line: int
    written: str = ""
    keys: dict[str, Place] = field(default_factory=dict)
    items: list[Place] = field(default_factory=list)


def locate(text: str) -> Place:
    r"""The place of every value of a valid TOML text with `\n` as line ends."""
    return _Scanner(text).document()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line_ends = [match.start() for match in re.finditer("\n", text)]

    def document(self) -> Place:
        root = table = Place(1)
        while self._skip(_BLANK):
            line = self._line()
            if self._takes("[["):
                array = _below(root, self._key(), line)
                table = Place(line)
                array.items.append(table)
                self._takes("]]")
            elif self._takes("["):
                table = _below(root, self._key(), line)
                table.line = line
                self._takes("]")
            else:
                self._entry(table)
        return root

    def _entry(self, table: Place) -> None:
        """A key, an equals sign and a value."""
        line = self._line()
        *path, last = self._key()
        self._takes("=")
        self._skip(_SPACE)
        value = self._value()
        value.line = line
        _below(table, path, line).keys[last] = value

    def _key(self) -> list[str]:
        """The parts of a key, which dots separate."""
        parts = []
        while True:
            self._skip(_SPACE)
            parts.append(self._key_part())
            self._skip(_SPACE)
            if not self._takes("."):
                return parts

    def _key_part(self) -> str:
        begin = self._at
        if self._text[begin] in "\"'":
            self._string()
            quoted = tomllib.loads(f"key = {self._text[begin : self._at]}")
            return str(quoted["key"])
        match = _BARE_KEY.match(self._text, begin)
        assert match is not None
        self._at = match.end()
        return match[0]

    def _value(self) -> Place:
        place = Place(self._line())
        match self._text[self._at]:
            case '"' | "'":
                self._string()
            case "[":
                self._at += 1
                while self._skip(_BLANK) and not self._takes("]"):
                    place.items.append(self._value())
                    self._skip(_BLANK)
                    self._takes(",")
            case "{":
                self._at += 1
                while self._skip(_BLANK) and not self._takes("}"):
                    self._entry(place)
                    self._skip(_BLANK)
                    self._takes(",")
            case _:
                match = _BARE_VALUE.match(self._text, self._at)
                assert match is not None
                place.written = match[0].strip()
                self._at = match.end()
        return place

    def _string(self) -> None:
        """Go behind a string of any of the four kinds."""
        quote = self._text[self._at]
        end = quote * 3 if self._text.startswith(quote * 3, self._at) else quote
        self._at += len(end)
        while not self._text.startswith(end, self._at):
            self._at += 2 if quote == '"' and self._text[self._at] == "\\" else 1
        self._at += len(end)
        while len(end) == 3 and self._text.startswith(quote, self._at):
            self._at += 1  # a long string may end with one or two quotes of its own

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        """Go behind what the pattern matches; whether there is any text left."""
        match = pattern.match(self._text, self._at)
        assert match is not None
        self._at = match.end()
        return self._at < len(self._text)

    def _takes(self, token: str) -> bool:
        """Go behind this token, if it is next."""
        if not self._text.startswith(token, self._at):
            return False
        self._at += len(token)
        return True

    def _line(self) -> int:
        return bisect.bisect_left(self._line_ends, self._at) + 1


def _below(place: Place, path: list[str], line: int) -> Place:
    """The place at the end of a path of keys; of a list of tables, in its last table."""
    for part in path:
        if place.items:
            place = place.items[-1]
        place = place.keys.setdefault(part, Place(line))
    return place
