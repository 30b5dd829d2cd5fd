"""Any text as Markdown that shows it as it is: lines, tables, code blocks, prose."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from markdown_it import MarkdownIt

from lab.reporting.table import Table

# What would be read as markup: underscores only where they do not lie within a word.
_MARKUP = re.compile(r"[\\`*\[\]|~$]|(?<!\w)_|_(?!\w)")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def escaped(raw: str) -> str:
    """Any text as one line without markup."""
    line = _MARKUP.sub(r"\\\g<0>", " ".join(raw.split())).translate(_ENTITIES)
    return f"\\{line}" if line[:1] in "#+-" else line


def bullets(items: Iterable[str]) -> str:
    """A list; its items are Markdown."""
    return "\n".join(f"- {item}" for item in items)


def markdown_table(table: Table) -> str:
    """A table, or the word for an empty one."""
    if not table.rows:
        return "None."
    rule = ("---:" if align == "r" else "---" for align in table.align)
    lines = [map(escaped, table.head), rule, *(map(escaped, row) for row in table.rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code_block(raw: str) -> str:
    """A block of code that its own content cannot end."""
    longest = max((len(ticks) for ticks in re.findall(r"`+", raw)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}text\n{raw.rstrip()}\n{ticks}"


def prose(raw: str) -> str:
    """Prose below a section's heading: headings one lower, HTML as text."""
    lines = raw.splitlines()
    tokens = MarkdownIt("commonmark").parse(raw)
    for token, inline in pairwise(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map:
            first, last = token.map
            depth = max(3, min(int(token.tag[1]) + 1, 6))
            lines[first:last] = [f"{'#' * depth} {inline.content}", *[""] * (last - first - 1)]
    text = "\n".join(lines).strip()
    for piece in dict.fromkeys(_html(tokens)):
        text = text.replace(piece, piece.translate(_ENTITIES))
    return text.replace("![", "!\\[")  # a viewer would fetch the picture


def _html(tokens: Iterable[object]) -> Iterator[str]:
    for token in tokens:
        kind, content = getattr(token, "type", ""), getattr(token, "content", "")
        if kind in ("html_block", "html_inline"):
            yield content.strip()
        yield from _html(getattr(token, "children", None) or ())
