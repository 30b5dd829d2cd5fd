"""The YAML between the two `---` lines of a hypothesis file, as nodes that know their lines.

Only plain YAML is read: mappings, lists and scalars. Whatever could run code, grow without end or
be misread without notice is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from lab.input_files import Flaw, Node, Scalar, shown
from lab.input_files.text_file import UNPRINTABLE

if TYPE_CHECKING:
    import yaml

FENCE = "---"
MAX_DEPTH = 8

_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]*)?([eE][-+]?[0-9]+)?")
_CONSTANTS: Mapping[str, float | bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "true": True,
    "false": False,
    ".nan": math.nan,
    ".inf": math.inf,
    "+.inf": math.inf,
    "-.inf": -math.inf,
}
_AMBIGUOUS = {"yes", "no", "on", "off"}  # true or false in YAML 1.1, text in YAML 1.2
_CLEAR = {("slices", "off")}  # keys with such a word as a value: both readings mean the same


def read_yaml(text: str) -> Node:
    """The one mapping that the text holds; raises `Flaw` for anything else."""
    return _Builder(text).root()


def _plain_value(written: str) -> Scalar:
    """The value of an unquoted scalar: numbers and booleans as in JSON, all else is text."""
    if written.lower() in _CONSTANTS:
        return _CONSTANTS[written.lower()]
    if match := _NUMBER.fullmatch(written):
        # Python refuses to convert very long whole numbers, and nobody needs them exactly
        is_whole = match[2] is None and match[3] is None and len(written) <= 18
        return int(written) if is_whole else float(written)
    return written


class _Builder:
    """Turns the events of the YAML parser into nodes, and refuses what plain YAML does not need."""

    def __init__(self, text: str) -> None:
        import yaml  # imported late: `lab list` must stay fast

        self._yaml = yaml
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self._last_line = text.count("\n")
        self._events: Iterator[Any] = yaml.parse(text, Loader=loader)

    def root(self) -> Node:
        """The mapping of the one document."""
        self._next()  # the stream's start
        event = self._next()
        if isinstance(event, self._yaml.StreamEndEvent):
            raise Flaw(1, "the front matter is empty", "Write `question: ...` and so on into it.")
        node = self._node("the front matter", self._next(), None, 0)
        self._next()  # the document's end
        event = self._next()
        if not isinstance(event, self._yaml.StreamEndEvent):
            raise Flaw(
                self._line(event),
                "there is a second document in the front matter",
                f"Write only one, between two lines `{FENCE}`.",
            )
        if not isinstance(node.value, dict):
            raise node.flaw("the front matter is not a group of keys", "Write `key: value` lines.")
        return node

    def _next(self) -> Any:
        try:
            return next(self._events)
        except self._yaml.YAMLError as error:
            raise _syntax_flaw(error, self._last_line) from None

    @staticmethod
    def _line(event: Any) -> int:
        line: int = event.start_mark.line + 1
        return line

    def _node(self, name: str, event: Any, line: int | None, depth: int) -> Node:
        at = self._line(event)
        self._refuse_references(event, at)
        line = line or at
        if isinstance(event, self._yaml.ScalarEvent):
            return self._scalar(name, event, line)
        if depth == MAX_DEPTH:
            raise Flaw(at, "this is nested too deeply", f"Use at most {MAX_DEPTH} levels.")
        if isinstance(event, self._yaml.SequenceStartEvent):
            return Node(name, line, self._items(name, depth + 1))
        return Node(name, line, self._entries(depth + 1))

    def _refuse_references(self, event: Any, line: int) -> None:
        if isinstance(event, self._yaml.AliasEvent) or event.anchor is not None:
            raise Flaw(
                line,
                f"there is a reference (`&` or `*`) named {shown(event.anchor)}",
                "Write the value out, or put text that begins with & or * in quotes.",
            )
        if event.tag is not None:
            raise Flaw(
                line,
                f"there is a type tag {shown(event.tag)}",
                "Write the plain value, or put text that begins with ! in quotes.",
            )

    def _items(self, name: str, depth: int) -> list[Node]:
        items: list[Node] = []
        while not isinstance(event := self._next(), self._yaml.SequenceEndEvent):
            items.append(self._node(f"item {len(items) + 1} of {name}", event, None, depth))
        return items

    def _entries(self, depth: int) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        while not isinstance(event := self._next(), self._yaml.MappingEndEvent):
            key, line = self._key(event), self._line(event)
            if key in entries:
                raise Flaw(
                    line,
                    f"the key {shown(key)} is given twice",
                    f"Keep one of the two; the first is in line {entries[key].line}.",
                )
            entries[key] = self._node(key, self._next(), line, depth)
        return entries

    def _key(self, event: Any) -> str:
        line = self._line(event)
        self._refuse_references(event, line)
        if not isinstance(event, self._yaml.ScalarEvent):
            raise Flaw(line, "a key is a list or a group", "Write a key as one word.")
        key: str = event.value
        if not event.style:
            if key == "<<":
                raise Flaw(line, "there is a merge key `<<`", "Write the keys out.")
            if not isinstance(_plain_value(key), str) or key.lower() in _AMBIGUOUS:
                raise Flaw(
                    line,
                    f"the key {shown(key)} is not text: "
                    "YAML reads it as a number, true, false or null",
                    "Choose another word, or put it in quotes.",
                )
        return key

    def _refuse_stray_quote(self, event: Any) -> None:
        """A forgotten quote is closed by the next one, lines below: report where it opens."""
        last = event.end_mark.line + 1
        if event.style in ("'", '"') and last > self._line(event):
            raise Flaw(
                self._line(event),
                f"a quote that opens here is closed only in line {last}",
                "Close it on its line; long text goes without quotes, indented below `key: >`.",
            )

    def _scalar(self, name: str, event: Any, line: int) -> Node:
        written: str = event.value
        if UNPRINTABLE.search(written):
            raise Flaw(line, f"`{name}` holds an unprintable character", "Remove it.")
        if event.style:
            self._refuse_stray_quote(event)
            return Node(name, line, written, written)
        if written.lower() in _AMBIGUOUS and (name, written) not in _CLEAR:
            raise Flaw(
                line,
                f"`{name}` is {shown(written)}, "
                "which YAML 1.1 reads as true or false, and YAML 1.2 as text",
                f"Write true or false, or put '{written}' in quotes.",
            )
        return Node(name, line, _plain_value(written), written)


class _SyntaxError(NamedTuple):
    """A message of the YAML parser, recognized by a fragment, and the flaw to report for it."""

    fragment: str
    problem: str
    remedy: str
    at_start: bool = False  # report the line where the value begins, not where parsing stopped


_SYNTAX_ERRORS = (
    _SyntaxError(
        "mapping values are not allowed",
        "there is a colon where no key can end",
        "Put text that holds `: ` in quotes, end every key with a colon, indent one group alike.",
    ),
    _SyntaxError(
        "could not find expected ':'",
        "this line is not of the form `key: value`",
        "Write a colon and a space after the key, and put long text in quotes.",
        at_start=True,
    ),
    _SyntaxError(
        "quoted scalar",
        "a quote that opens here is never closed or holds a wrong backslash",
        "Close the quote; inside double quotes write a backslash twice.",
        at_start=True,
    ),
    _SyntaxError(
        "flow sequence",
        "the list `[` that opens here is not closed or lacks a comma",
        "Write [a, b], with quotes around text that holds brackets or commas.",
        at_start=True,
    ),
    _SyntaxError(
        "flow mapping",
        "the group `{` that opens here is not closed or lacks a comma",
        "Write {a: 1, b: 2}, with quotes around text that holds braces or commas.",
        at_start=True,
    ),
    _SyntaxError(
        "cannot start any token",
        "there is a character that cannot begin a value (a tab, @, ` or %)",
        "Indent with spaces, and put text that begins with such a character in quotes.",
    ),
    _SyntaxError(
        "expected node content",
        "there is a bracket or a comma where a value should be",
        "Write the value, in quotes if it begins with a bracket or a comma.",
    ),
    _SyntaxError(
        "document start",
        "a second document begins here, or this line is indented less than the first",
        f"Write one document between two lines `{FENCE}`, its keys at the beginning of the line.",
    ),
    _SyntaxError(
        "block",
        "this line does not fit the lines above it",
        "Indent the keys of one group alike, and put whole values in quotes, not parts of them.",
    ),
    _SyntaxError("", "this is not valid YAML", "Write `key: value` lines."),
)


def _syntax_flaw(error: yaml.YAMLError, last_line: int) -> Flaw:
    message = f"{getattr(error, 'context', '')} {getattr(error, 'problem', '')}"
    syntax = next(entry for entry in _SYNTAX_ERRORS if entry.fragment in message)
    mark = syntax.at_start and getattr(error, "context_mark", None)
    mark = mark or getattr(error, "problem_mark", None)
    return Flaw(min(mark.line + 1, last_line) if mark else 1, syntax.problem, syntax.remedy)
