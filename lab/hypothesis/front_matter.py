"""A hypothesis file, split into its front matter and its prose."""

from __future__ import annotations

from dataclasses import dataclass

from lab.hypothesis.yaml_nodes import FENCE, read_yaml
from lab.input_files import Flaw, Node
from lab.input_files.text_file import refuse_large, refuse_unprintable


@dataclass(frozen=True)
class Document:
    """Front matter and prose of a file."""

    root: Node
    prose: str


def parse_document(text: str) -> Document:
    """Reads the front matter of a text; raises `Flaw` if that is not possible."""
    refuse_large(len(text))
    refuse_unprintable(text)
    front_matter, prose = _split(text)
    return Document(read_yaml(front_matter), prose)


def _split(text: str) -> tuple[str, str]:
    """Front matter and prose; an empty line replaces the opening fence, to keep line numbers."""
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
