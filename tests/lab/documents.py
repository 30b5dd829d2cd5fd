"""The documents of the project, taken apart: tables, code blocks, examples of hypotheses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.runs import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
REFERENCE = ROOT / "docs" / "hypothesis-files.md"

# What a fragment is put into: a whole file of its kind, key by key. The rival speaks of both arms,
# so that a fragment may replace the predictions.
BASES = {
    "load": """\
question: Why is it slow?
claim: Requests wait for a connection.
kind: load
scenario: scenarios/checkout.py
load: {users: 50}
trial: {warmup: 1s, window: 4s}
arms:
  narrow: {DB_POOL_SIZE: 5}
  wide: {DB_POOL_SIZE: 20}
control: narrow
predictions:
  - {says: it helps, measure: throughput, compare: wide / narrow, at_least: 2.5}
rivals:
  - {claim: it is the files, says: so, measure: descriptors, compare: wide / narrow, at_least: 3}
budget: 5m
""",
    "benchmark": """\
question: How does it grow?
claim: Linearly.
kind: benchmark
scenario: scenarios/bench_fingerprint.py
params: {lines: [1, 4, 16, 64, 256, 1024]}
statistic: min
trial: {window: 50ms}
arms:
  whole: {PART: whole}
  digest: {PART: digest}
control: whole
predictions:
  - {says: it grows linearly, measure: time, arm: whole, grows: linear}
rivals:
  - {claim: the hash, says: so, measure: time, compare: digest / whole, at: 1024, at_least: 0.5}
budget: 5m
""",
    "soak": """\
question: What grows?
claim: Rooms do.
kind: soak
scenario: scenarios/checkout.py
load: {rate: 20, arrivals: constant, most_users: 100}
length: 8h
soak: {pairs: 4}
measures:
  held: {rate: db_pool_hold_seconds_sum}
  waiting: {ratio: [db_pool_wait_seconds_sum, http_request_duration_seconds_sum]}
allow: {error_rate: 0.01, unsent: 0.02, crash: true}
limits: {target_cpu: 0.9}
arms:
  with: {ROOM_CLEANUP: false}
  without: {ROOM_CLEANUP: true}
control: without
predictions:
  - {says: rooms grow, slope: rooms, compare: with - without, at_least: 600/min}
rivals:
  - {claim: members stay, says: so, slope: room_members, compare: with - without, at_least: 60/min}
""",
}


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    line: int
    info: str  # what stands behind the fence
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def kind(self) -> str | None:
        """Of which kind of hypothesis this is a fragment; None if it is none."""
        language, _, kind = self.info.partition(" ")
        return kind if language == "yaml" and kind in BASES else None

    @property
    def whole(self) -> bool:
        """Whether it is a whole hypothesis file."""
        return self.info == "markdown" and self.text.startswith("---\n")


def blocks() -> Iterator[Block]:
    """The fenced blocks of all pages."""
    for page in PAGES:
        text = page.read_text()
        for match in re.finditer(r"^```([^\n`]*)\n(.*?)^```$", text, re.M | re.S):
            line = text.count("\n", 0, match.start()) + 1
            yield Block(page, line, match[1].strip(), match[2])


def examples() -> list[tuple[Block, str]]:
    """Every example of a hypothesis as the text of a whole file."""
    return [
        (block, block.text if block.whole else spliced(block.text, block.kind or ""))
        for block in blocks()
        if block.whole or block.kind
    ]


def spliced(fragment: str, kind: str) -> str:
    """A whole file with the keys of a fragment; another scenario has other parameters, or none."""
    own, base = by_key(fragment), by_key(BASES[kind])
    if "scenario" in own:
        base.pop("params", None)
    return f"---\n{''.join((base | own).values())}---\nProse.\n"


def by_key(front_matter: str) -> dict[str, str]:
    """The lines of each top-level key."""
    parts = re.split(r"^(?=[a-z_]+:)", front_matter, flags=re.M)
    return {part.partition(":")[0]: part for part in parts if part.strip()}


def section(page: Path, title: str) -> str:
    """What stands under a heading, up to the next one of its rank or above."""
    text = page.read_text()
    match = re.search(rf"^(#+) {re.escape(title)}$\n(.*?)(?=^#{{1,2}} |\Z)", text, re.M | re.S)
    assert match, f"{page.name} has no section {title}"
    return match[2]


def rows(text: str) -> list[list[str]]:
    """The cells of every table row, headings left out."""
    found = []
    for line in re.findall(r"^\|(.+)\|$", text, re.M):
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)]
        if not set(cells[0]) <= set("-: "):
            found.append(cells)
        elif found:
            found.pop()
    return found


def names(cell: str) -> list[str]:
    """What a cell names in code type."""
    return re.findall(r"`([^`]+)`", cell)
