"""The report as Markdown: the same content, with words and tables for pictures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from markdown_it import MarkdownIt

from lab.number_format import MISSING, plain
from lab.reporting import wording
from lab.reporting.benchmark import BenchmarkView
from lab.reporting.prediction_results import PredictionResult
from lab.reporting.report_data import View
from lab.reporting.soak import SoakView
from lab.reporting.tables import Table

# What would be read as markup: underscores only where they do not lie within a word.
_MARKUP = re.compile(r"[\\`*\[\]|~$]|(?<!\w)_|_(?!\w)")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def page(view: View) -> str:
    """Write the whole report."""
    return "\n\n".join(_sections(view)) + "\n"


def text(raw: str) -> str:
    """Any text as one line that Markdown shows as it is."""
    line = _MARKUP.sub(r"\\\g<0>", " ".join(raw.split())).translate(_ENTITIES)
    return f"\\{line}" if line[:1] in "#+-" else line


def table(data: Table) -> str:
    """A table, or the word for an empty one."""
    if not data.rows:
        return "None."
    rule = ("---:" if align == "r" else "---" for align in data.align)
    lines = [map(text, data.head), rule, *(map(text, row) for row in data.rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def fence(raw: str) -> str:
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
    told = "\n".join(lines).strip()
    for piece in dict.fromkeys(_html(tokens)):
        told = told.replace(piece, piece.translate(_ENTITIES))
    return told.replace("![", "!\\[")  # a viewer would fetch the picture


def _html(tokens: Iterable[object]) -> Iterator[str]:
    for token in tokens:
        kind, content = getattr(token, "type", ""), getattr(token, "content", "")
        if kind in ("html_block", "html_inline"):
            yield content.strip()
        yield from _html(getattr(token, "children", None) or ())


def _sections(view: View) -> Iterator[str]:
    yield f"# {text(view.question)}"
    yield f"**Claim.** {text(view.claim)}"
    yield f"**{view.mark} {view.verdict}** – {view.lead}"
    told = [text(reason) for reason in view.why]
    told += [
        f"**{finding.outcome}**: {text(finding.title)} – {text(finding.sentence)}"
        for finding in view.deciding
    ]
    yield _list(told)
    yield f"**Attempts.** {view.attempts}"
    yield f"{text(view.name)}, run {text(view.run)}: {text(view.facts)}"

    yield "## Predictions"
    if view.verdict == "INVALID":
        yield wording.DISTRUST
    yield wording.STANDING
    yield "\n\n".join(map(_finding, view.predictions))
    yield "## Rival explanations"
    yield "\n\n".join(map(_finding, view.rivals))

    if view.curves:
        yield "## The curve"
        yield from (text(curve.words) for curve in view.curves)
        yield table(view.curve_table)
    yield f"## What was compared{view.at}"
    yield table(view.arm_table)
    yield from _load(view) if view.benchmark is None else _benchmark(view.benchmark)

    yield "## Was the run to be trusted?"
    yield view.trust
    yield table(view.gates)
    if view.voided:
        yield _list(map(text, view.voided))
    if view.errors.rows:
        yield "### Errors seen"
        yield table(view.errors)
    yield "### Trials"
    yield table(view.trials)

    if view.profiles:
        yield "## Profiles"
        for arm, profile in view.profiles.items():
            yield f"### {text(arm)}"
            yield fence(profile)
    yield "## The hypothesis"
    yield prose(view.prose) or "No prose."
    yield "## Conditions"
    if not view.conditions:
        yield "Not recorded."
    for title, part in view.conditions:
        yield f"### {text(title)}"
        yield table(part)
    yield "## Repeat it"
    yield fence("\n".join(view.commands))
    yield table(view.seals)
    if view.earlier.rows:
        yield "### Earlier runs"
        yield table(view.earlier)
    yield "## How to read this verdict"
    yield view.reading
    yield _list(f"**{name}**: {meaning}" for name, meaning in wording.MEANINGS.items())
    yield "Known limits:"
    yield _list(wording.LIMITS)


def _load(view: View) -> Iterator[str]:
    yield "### Throughput"
    yield text(view.throughput_words)
    yield table(_throughput(view))
    yield "### Latency"
    yield text(view.latency_words)
    yield table(view.requests)
    if view.arrivals.rows:
        yield "### Arrivals"
        yield table(view.arrivals)
    if view.breakdowns:
        yield "## Where the time went"
        yield from (text(breakdown.words) for breakdown in view.breakdowns)
    if view.soak:
        yield from _soak(view.soak)
        return
    yield f"## Second by second{view.at}"
    if view.series:
        yield f"Block {view.series.block}, lowest to highest second of the measured window."
        yield table(view.series.table)
        if view.series.waits.rows:
            yield table(view.series.waits)
    else:
        yield "No series was kept."


def _benchmark(view: BenchmarkView) -> Iterator[str]:
    if view.growth:
        yield "### Growth"
        yield text(view.growth_words)
    yield "### Processes"
    yield text(f"Lowest to highest; the {view.statistic} of each is what is judged.")
    yield table(view.steps)
    if view.counts.rows:
        yield "### Exact counts"
        yield table(view.counts)


def _soak(data: SoakView) -> Iterator[str]:
    yield "## From begin to end"
    yield table(data.table)
    if data.still:
        yield text(f"Level throughout, in every arm: {data.still}.")
    if data.exhaustion.rows:
        yield "### Time until the limit is met, from the begin of a life"
        yield table(data.exhaustion)
    if data.segments.rows:
        yield "### Lives that did not run through"
        yield table(data.segments)
    if data.detectable:
        yield "What this soak could find, as told before it began:"
        yield _list(map(text, data.detectable))


def _finding(finding: PredictionResult) -> str:
    says = f" ({text(finding.says)})" if finding.rival else ""
    return (
        f"**{finding.outcome}** – {text(finding.title)}{says}\n\n"
        f"{text(finding.sentence)}; {finding.note}."
    )


def _throughput(view: View) -> Table:
    blocks = sorted({point.block for points in view.throughput.values() for point in points})
    cells = {
        (point.block, arm): plain(point.value) + ("" if point.counted else " (not counted)")
        for arm, points in view.throughput.items()
        for point in points
    }
    return Table(
        ("block", *view.arms),
        tuple(
            (str(block), *(cells.get((block, arm), MISSING) for arm in view.arms))
            for block in blocks
        ),
        "r" * (1 + len(view.arms)),
    )


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)
