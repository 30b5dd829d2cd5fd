"""Front matter: the YAML between two `---` lines, read as plain data that knows its lines.

Only plain YAML is read (maps, lists, scalars): what could run code, grow without end or be
misread silently is refused, each with the line and what would be right.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lab.errors import UsageError

if TYPE_CHECKING:
    import yaml

LARGEST_FILE = 256 * 1024
DEEPEST = 8
FENCE = "---"

_UNPRINTABLE = re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd"
                          "\U00010000-\U0010ffff]")  # fmt: skip
_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]*)?([eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, float | bool | None] = {
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
_DOUBTFUL = {"yes", "no", "on", "off"}  # truth values in one version of YAML, text in the next

Scalar = str | int | float | bool | None


class Flaw(UsageError):
    """What is wrong with a file, at which line, and what would be right."""

    def __init__(self, line: int | None, problem: str, remedy: str) -> None:
        self.line, self.problem, self.remedy = line, problem, remedy
        super().__init__(f"{line}: {problem}. {remedy}")


@dataclass(frozen=True)
class Node:
    """A value of the front matter; its line is that of its key, or of its item in a list."""

    name: str
    line: int
    value: Scalar | dict[str, Node] | list[Node]
    written: str = ""  # a scalar as it stands in the file

    @property
    def title(self) -> str:
        """Its name as it appears in a message; what is no key has a name of several words."""
        return self.name if " " in self.name else f"`{self.name}`"

    def flaw(self, problem: str, remedy: str) -> Flaw:
        """What is wrong with this value."""
        return Flaw(self.line, problem, remedy)

    def at(self, *path: str | int) -> Node:
        """The node below this one, by keys and places."""
        node = self
        for step in path:
            below: Any = node.value
            node = below[step]
        return node

    def mapping(self) -> dict[str, Node]:
        """Its keys and values."""
        if isinstance(self.value, dict):
            return self.value
        raise self.misfit("a group of keys", f"{self.name}: {{key: value}}")

    def sequence(self) -> list[Node]:
        """Its items."""
        if isinstance(self.value, list):
            return self.value
        raise self.misfit("a list", "each item after a dash, as in `- item`")

    def text(self) -> str:
        """Its words, on one line, never empty."""
        return " ".join(self.exact().split())

    def exact(self) -> str:
        """Its text with every space that is written, never empty."""
        if isinstance(self.value, str) and self.value.strip():
            return self.value
        if self.value is None or isinstance(self.value, str):
            raise self.flaw(f"{self.title} is empty", f"Write some text after `{self.name}:`.")
        raise self.misfit("text", f'{self.name}: "words in quotes"')

    def number(self) -> float:
        """A finite number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.misfit("a number", f"{self.name}: 0.5")
        if not math.isfinite(self.value):
            raise self.flaw(
                f"{self.title} is {shown(self.written)}, which is not a finite number",
                "Write an ordinary number, as in 0.5.",
            )
        return float(self.value)

    def whole(self, least: int, most: int) -> int:
        """A whole number from `least` to `most`."""
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self.misfit("a whole number", f"{self.name}: {least + 1}")
        if not least <= self.value <= most:
            raise self.flaw(
                f"{self.title} is {self.value}", f"Write a number from {least} to {most}."
            )
        return self.value

    def fields(
        self, readers: Mapping[str, Callable[[Node], Any]], optional: Iterable[str] = ()
    ) -> dict[str, Any]:
        """Its values by key, each through its reader: no key too many, none too few."""
        values = {}
        for key, child in self.mapping().items():
            if key not in readers:
                raise child.flaw(f"unknown key {shown(key)}", suggestion(key, readers))
            values[key] = readers[key](child)
        missing = [key for key in readers if key not in values and key not in optional]
        if missing:
            raise self.flaw(f"{self.title} has no `{missing[0]}`", f"Add `{missing[0]}:` to it.")
        return values

    def misfit(self, wanted: str, example: str) -> Flaw:
        """That this value is of the wrong kind."""
        found = {dict: "a group of keys", list: "a list", type(None): "empty"}.get(
            type(self.value), shown(self.written)
        )
        return self.flaw(f"{self.title} is {found}, not {wanted}", f"Write {wanted}: {example}.")


@dataclass(frozen=True)
class Document:
    """A file taken apart."""

    root: Node
    prose: str


def shown(text: str) -> str:
    """A piece of the file as it appears in a message: short, on one line."""
    line = " ".join(text.split())
    return f"`{line if len(line) <= 60 else line[:57] + '...'}`"


def suggestion(word: str, known: Iterable[str]) -> str:
    """Which of the known words was meant, or all of them."""
    words = sorted(known)
    close = difflib.get_close_matches(word[:80], words, n=1)
    return f"Did you mean `{close[0]}`?" if close else f"It can be: {', '.join(words)}."


def read(path: Path) -> str:
    """The text of a file, its line ends as newlines."""
    try:
        if not path.is_file():
            problem = "this is not a file" if path.exists() else "there is no such file"
            raise Flaw(None, problem, "Give the path of a Markdown file.")
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        problem = f"the file cannot be read ({error.strerror})"
        raise Flaw(None, problem, "Check its name and its permissions.") from None
    _check_size(len(data))
    try:
        return normalised(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Flaw(line, "this is not UTF-8 text", "Save the file as UTF-8.") from None


def normalised(text: str) -> str:
    r"""The text with every line end a `\n`."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def parse(text: str) -> Document:
    """Takes a file's text apart into data and prose."""
    _check_size(len(text))
    if odd := _UNPRINTABLE.search(text):
        raise Flaw(
            text.count("\n", 0, odd.start()) + 1,
            f"there is an unprintable character (U+{ord(odd[0]):04X})",
            "Keep to plain text: remove it, or save the file as UTF-8 text.",
        )
    matter, prose = _split(text)
    return Document(_Builder(matter).root(), prose)


def _check_size(size: int) -> None:
    if size > LARGEST_FILE:
        raise Flaw(
            None,
            f"the file is larger than {LARGEST_FILE // 1024} KiB",
            "Keep the claim here and move what is long elsewhere.",
        )


def _split(text: str) -> tuple[str, str]:
    """Front matter and prose; the opening fence leaves an empty line, so that lines count right."""
    lines = text.split("\n")
    if lines[0].rstrip() != FENCE:
        raise Flaw(1, "there is no front matter", f"Begin the file with a line `{FENCE}`.")
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == FENCE:
            return "\n".join(["", *lines[1:number], ""]), "\n".join(lines[number + 1 :])
    raise Flaw(
        1,
        "the front matter is never closed",
        f"End it with a line `{FENCE}`, then write the prose.",
    )


def _plain_value(written: str) -> Scalar:
    """What an unquoted scalar means: numbers and truth values as in JSON, all else text."""
    if written.lower() in _WORDS:
        return _WORDS[written.lower()]
    if match := _NUMBER.fullmatch(written):
        # Python refuses to convert very long whole numbers; nobody means them exactly.
        is_whole = match[2] is None and match[3] is None and len(written) <= 18
        return int(written) if is_whole else float(written)
    return written


class _Builder:
    """Turns the parser's events into nodes, and refuses what a plain document has no use for."""

    def __init__(self, matter: str) -> None:
        import yaml  # a fifth of the time that `lab list` has: not before it is needed

        self._yaml = yaml
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self._last_line = matter.count("\n")
        self._events: Iterator[Any] = yaml.parse(matter, Loader=loader)

    def root(self) -> Node:
        """The one document of the front matter, a mapping."""
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
                f"Keep to one, between two lines `{FENCE}`.",
            )
        if not isinstance(node.value, dict):
            raise node.flaw("the front matter is not made of keys", "Write `key: value` lines.")
        return node

    def _next(self) -> Any:
        try:
            return next(self._events)
        except self._yaml.YAMLError as error:
            raise _in_plain_words(error, self._last_line) from None

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
        if depth == DEEPEST:
            raise Flaw(at, "this is nested too deep", f"Keep to {DEEPEST} levels.")
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
                f"there is a type mark {shown(event.tag)}",
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
                    f"the key {shown(key)} stands here a second time",
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
            if not isinstance(_plain_value(key), str) or key.lower() in _DOUBTFUL:
                raise Flaw(
                    line,
                    f"the key {shown(key)} is not text, but a number or a truth value to YAML",
                    "Choose another word, or put it in quotes.",
                )
        return key

    def _refuse_stray_quote(self, event: Any) -> None:
        """A forgotten quote is closed by the next one, lines below: say so where it opens."""
        last = event.end_mark.line + 1
        if event.style in ("'", '"') and last > self._line(event):
            raise Flaw(
                self._line(event),
                f"a quote that opens here is closed only in line {last}",
                "Close it on its line; long text goes without quotes, indented below `key: >`.",
            )

    def _scalar(self, name: str, event: Any, line: int) -> Node:
        written: str = event.value
        if _UNPRINTABLE.search(written):
            raise Flaw(line, f"`{name}` holds an unprintable character", "Keep to plain text.")
        if event.style:
            self._refuse_stray_quote(event)
            return Node(name, line, written, written)
        if written.lower() in _DOUBTFUL:
            raise Flaw(
                line,
                f"`{name}` is {shown(written)}, which is a truth value to some and text to others",
                f"Write true or false, or put '{written}' in quotes.",
            )
        return Node(name, line, _plain_value(written), written)


class _Syntax(NamedTuple):
    """What a fragment of the parser's message means, and what would be right."""

    fragment: str
    problem: str
    remedy: str
    from_its_start: bool = False  # look where the thing began, not where the parser gave up


_SYNTAX = (
    _Syntax(
        "mapping values are not allowed",
        "there is a colon where no key can end",
        "Put text that holds `: ` in quotes, end every key with a colon, indent one group alike.",
    ),
    _Syntax(
        "could not find expected ':'",
        "this line is not of the form `key: value`",
        "Write a colon and a space after the key, and put long text in quotes.",
        from_its_start=True,
    ),
    _Syntax(
        "quoted scalar",
        "a quote that opens here is never closed or holds a wrong backslash",
        "Close the quote; inside double quotes write a backslash twice.",
        from_its_start=True,
    ),
    _Syntax(
        "flow sequence",
        "the list `[` that opens here is not closed or lacks a comma",
        "Write [a, b], with quotes around text that holds brackets or commas.",
        from_its_start=True,
    ),
    _Syntax(
        "flow mapping",
        "the group `{` that opens here is not closed or lacks a comma",
        "Write {a: 1, b: 2}, with quotes around text that holds braces or commas.",
        from_its_start=True,
    ),
    _Syntax(
        "cannot start any token",
        "there is a character that cannot begin a value (a tab, @, ` or %)",
        "Indent with spaces, and put text that begins with such a character in quotes.",
    ),
    _Syntax(
        "expected node content",
        "there is a bracket or a comma where a value should be",
        "Write the value, in quotes if it begins with a bracket or a comma.",
    ),
    _Syntax(
        "document start",
        "a second document begins here, or this line is indented less than the first",
        f"Keep to one document between two lines `{FENCE}`, its keys at the line's beginning.",
    ),
    _Syntax(
        "block",
        "this line does not fit the lines above it",
        "Indent the keys of one group alike, and put whole values in quotes, not parts of them.",
    ),
    _Syntax("", "this is not valid YAML", "Write `key: value` lines."),
)


def _in_plain_words(error: yaml.YAMLError, last_line: int) -> Flaw:
    message = f"{getattr(error, 'context', '')} {getattr(error, 'problem', '')}"
    syntax = next(entry for entry in _SYNTAX if entry.fragment in message)
    mark = syntax.from_its_start and getattr(error, "context_mark", None)
    mark = mark or getattr(error, "problem_mark", None)
    return Flaw(min(mark.line + 1, last_line) if mark else 1, syntax.problem, syntax.remedy)
