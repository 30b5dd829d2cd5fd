"""A TOML text as nodes that know their lines, and the messages of its syntax errors."""

from __future__ import annotations

import re
import tomllib
from typing import Any, NamedTuple

from lab.input_files import Flaw, Node
from lab.input_files.text_file import UNPRINTABLE
from lab.system.toml_lines import Place, locate

MAX_DEPTH = 8
_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class TomlNode(Node):
    """A value of a TOML file."""

    _list_example = 'items in brackets, as in ["item"]'

    def entry(self, key: str, value: str) -> str:
        """A key with a value."""
        return f"{key} = {value}"

    def _group_example(self) -> str:
        return self.entry(self.name, '{key = "value"}') + f", or a table [{self.name}]"

    def _begin(self, key: str) -> str:
        return f"{key} ="


def read_toml(text: str, name: str) -> Node:
    """The keys of a TOML text as a node of this name; raises `Flaw` if it is not valid."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_flaw(str(error), text) from None
    except RecursionError:
        raise Flaw(None, "this is nested too deeply", f"Use at most {MAX_DEPTH} levels.") from None
    return _node(name, data, locate(text), 0)


def _node(name: str, value: Any, place: Place, depth: int) -> Node:
    line = place.line
    if depth > MAX_DEPTH:
        raise Flaw(line, "this is nested too deeply", f"Use at most {MAX_DEPTH} levels.")
    match value:
        case dict():
            for key in value:
                _refuse_unprintable(line, key)
            below = {key: _node(key, value[key], place.keys[key], depth + 1) for key in value}
            return TomlNode(name, line, below)
        case list():
            items = enumerate(zip(value, place.items, strict=True), 1)
            return TomlNode(
                name, line, [_node(f"item {n} of {name}", v, p, depth + 1) for n, (v, p) in items]
            )
        case str():
            _refuse_unprintable(line, value)
            return TomlNode(name, line, value, value)
        case bool() | int() | float():
            return TomlNode(name, line, value, place.written)
        case _:
            raise Flaw(
                line, f"`{name}` is a date or a time", "Nothing here is one: put text in quotes."
            )


def _refuse_unprintable(line: int, text: str) -> None:
    if UNPRINTABLE.search(text):
        raise Flaw(line, "there is an unprintable character in quotes", "Remove it.")


class _SyntaxError(NamedTuple):
    """A message of the TOML parser, recognized by a fragment, and the flaw to report for it."""

    fragment: str
    problem: str
    remedy: str


_SYNTAX_ERRORS = (
    _SyntaxError(
        "Cannot overwrite a value",
        "this key is given twice",
        "Keep one of the two. A second process begins with a line [[process]] of its own.",
    ),
    _SyntaxError(
        "twice",
        "this table is given twice",
        "Keep one of the two. Of processes there may be several: they begin with [[process]].",
    ),
    _SyntaxError(
        "Cannot",
        "this table is not of the kind that it was given as before",
        "Write [[process]] with two brackets, and every other table once, with one.",
    ),
    _SyntaxError(
        "Invalid statement",
        "this line does not begin with a key",
        'Write key = "value", a table as [postgres], or a process as [[process]].',
    ),
    _SyntaxError("Duplicate inline table key", "a key is given twice in braces", "Keep one."),
    _SyntaxError(
        "Expected '=' after a key",
        "there is no = after this key",
        'Write key = "value"; a key of several words goes in quotes.',
    ),
    _SyntaxError(
        "Expected newline or end of document",
        "there is something after the value",
        "Write one key on each line, and text in quotes.",
    ),
    _SyntaxError(
        "Invalid initial character for a key part",
        "there is no key here",
        'Write key = "value", a table as [postgres], or a process as [[process]].',
    ),
    _SyntaxError(
        "Invalid value", "this is not a value", 'Put text in quotes, as in command = "make serve".'
    ),
    _SyntaxError(
        "Illegal character '\\n'",
        "a quote that opens here is not closed on its line",
        'Close it; text of several lines goes between """ and """.',
    ),
    _SyntaxError(
        "Unterminated string",
        "a quote that opens before the end of the file is never closed",
        "Close it.",
    ),
    _SyntaxError("Expected \"'", "a single quote is never closed", "Close it."),
    _SyntaxError(
        "Unescaped '\\' in a string",
        "there is a backslash in double quotes that means nothing",
        "Write it twice, or put the text in single quotes.",
    ),
    _SyntaxError("Unclosed array", "a list [ is not closed, or lacks a comma", 'Write ["a", "b"].'),
    _SyntaxError(
        "Unclosed inline table",
        "a group { is not closed, or lacks a comma",
        'Write {A = "1", B = "2"}, all on one line.',
    ),
    _SyntaxError(
        "']' at the end of a table", "the brackets of a table are not closed", "Write [postgres]."
    ),
    _SyntaxError(
        "']]' at the end of an array",
        "the brackets of a list of tables are not closed",
        "Write [[process]].",
    ),
    _SyntaxError("", "this is not valid TOML", 'Write lines of the form key = "value".'),
)


def _syntax_flaw(message: str, text: str) -> Flaw:
    place = _PLACE.search(message)
    last = text.rstrip("\n").count("\n") + 1
    line = int(place[1]) if place and place[1] else last
    found = next(each for each in _SYNTAX_ERRORS if each.fragment in message)
    return Flaw(min(line, last), found.problem, found.remedy)
