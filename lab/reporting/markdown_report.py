"""The report as Markdown: the content of the page, with words and tables in place of charts."""

from __future__ import annotations

from collections.abc import Iterator

from lab.reporting.markdown_syntax import bullets, code_block, escaped, markdown_table, prose
from lab.reporting.report_content import ReportContent
from lab.reporting.sections import how_to_read
from lab.reporting.sections.benchmark import BenchmarkSection
from lab.reporting.sections.gates import GatesSection
from lab.reporting.sections.predictions import PredictionResult
from lab.reporting.sections.reproduction import ReproductionSection
from lab.reporting.sections.slices import SlicesSection
from lab.reporting.sections.soak import SoakSection
from lab.reporting.sections.summary import Summary
from lab.reporting.sections.sweep import SweepSection
from lab.reporting.sections.timeline import TimelineSection


def markdown_report(content: ReportContent) -> str:
    """Write the whole report."""
    return "\n\n".join(_sections(content)) + "\n"


def _sections(content: ReportContent) -> Iterator[str]:
    yield from _summary(content.summary)
    yield from _predictions(content)
    if content.sweep:
        yield from _sweep(content.sweep)
    yield f"## What was compared{content.at_level}"
    yield markdown_table(content.arm_table)
    if content.arm_notes:
        yield bullets(map(escaped, content.arm_notes))
    yield from _benchmark(content.benchmark) if content.benchmark else _service(content)
    yield from _gates(content.gates)
    yield "### Trials"
    yield markdown_table(content.trials)
    if content.profiles:
        yield "## Profiles"
        for arm, profile in content.profiles.items():
            yield f"### {escaped(arm)}"
            yield code_block(profile)
    yield "## The hypothesis"
    yield prose(content.prose) or "No text."
    yield "## Conditions"
    if not content.conditions:
        yield "Not recorded."
    for title, table in content.conditions:
        yield f"### {escaped(title)}"
        yield markdown_table(table)
    yield from _reproduction(content.reproduction)
    yield from _how_to_read(content.method)


def _summary(summary: Summary) -> Iterator[str]:
    yield f"# {escaped(summary.question)}"
    yield f"**Claim.** {escaped(summary.claim)}"
    yield f"**{summary.symbol} {summary.verdict}** – {summary.sentence}"
    reasons = [escaped(reason) for reason in summary.reasons]
    reasons += [
        f"**{result.outcome}**: {escaped(result.title)} – {escaped(result.sentence)}"
        for result in summary.results
    ]
    yield bullets(reasons)
    yield f"**Attempts.** {summary.attempts}"
    yield f"{escaped(summary.name)}, run {escaped(summary.run)}: {escaped(summary.facts)}"


def _predictions(content: ReportContent) -> Iterator[str]:
    yield "## Predictions"
    if content.summary.verdict == "INVALID":
        yield how_to_read.INVALID_NOTE
    yield how_to_read.INTERIM_NOTE
    yield "\n\n".join(map(_result, content.predictions))
    yield "## Rival explanations"
    yield "\n\n".join(map(_result, content.rivals))


def _result(result: PredictionResult) -> str:
    says = f" ({escaped(result.says)})" if result.rival else ""
    return (
        f"**{result.outcome}** – {escaped(result.title)}{says}\n\n"
        f"{escaped(result.sentence)}; {result.note}."
    )


def _sweep(section: SweepSection) -> Iterator[str]:
    yield "## Throughput over the sweep"
    yield from (escaped(sweep.caption) for sweep in section.arms)
    if section.note:
        yield escaped(section.note)
    yield markdown_table(section.table)


def _slices(section: SlicesSection) -> Iterator[str]:
    yield "### Slices"
    yield escaped(section.summary)
    yield from (f"**{escaped(change)}**" for change in section.changes)
    if section.carry_over.rows:
        yield markdown_table(section.carry_over)
    if section.untested:
        yield escaped(section.untested)


def _service(content: ReportContent) -> Iterator[str]:
    """What only a service under load has."""
    yield "### Throughput"
    yield escaped(content.throughput.caption)
    yield markdown_table(content.throughput.table)
    yield "### Latency"
    yield escaped(content.latency.caption)
    yield markdown_table(content.latency.requests)
    if content.arrivals.rows:
        yield "### Arrivals"
        yield markdown_table(content.arrivals)
    if content.slices:
        yield from _slices(content.slices)
    if content.workers:
        yield "### Workers"
        yield escaped(content.workers.summary)
        yield markdown_table(content.workers.table)
    if content.breakdowns:
        yield "## Where the time went"
        yield from (escaped(breakdown.caption) for breakdown in content.breakdowns)
    if content.soak:
        yield from _soak(content.soak)
    else:
        row = content.row_of_series
        yield f"## {row.capitalize()} by {row}{content.at_level}"
        yield from _timeline(content.timeline, row)


def _timeline(section: TimelineSection | None, row: str) -> Iterator[str]:
    if section is None:
        yield "No time series was recorded."
        return
    yield f"{section.title}, lowest to highest {row} of the measured window."
    yield markdown_table(section.table)
    if section.zero_series:
        yield escaped(f"Zero throughout in every arm: {section.zero_series}.")
    if section.waits.rows:
        yield markdown_table(section.waits)


def _benchmark(section: BenchmarkSection) -> Iterator[str]:
    if section.times_by_size:
        yield f"### Time by {section.parameter}"
        yield escaped(section.size_caption)
    yield "### Processes"
    yield (
        f"Counted processes, lowest to highest; the {section.statistic} of each process is judged."
    )
    yield markdown_table(section.timings)
    if section.counts.rows:
        yield "### Exact counts"
        yield markdown_table(section.counts)


def _soak(section: SoakSection) -> Iterator[str]:
    yield "## Time series of the soak"
    yield markdown_table(section.slopes)
    if section.constant_series:
        yield escaped(f"Constant in every arm: {section.constant_series}.")
    if section.exhaustion.rows:
        yield "### Time until the limit is reached, from the start of a process"
        yield markdown_table(section.exhaustion)
    if section.segments.rows:
        yield "### Trials with restarts or interruptions"
        yield markdown_table(section.segments)
    if section.detectable:
        yield "Detectable slopes, as reported before the soak began:"
        yield bullets(map(escaped, section.detectable))


def _gates(section: GatesSection) -> Iterator[str]:
    yield "## Can the run be trusted?"
    yield section.sentence
    yield markdown_table(section.table)
    if section.faults:
        yield bullets(map(escaped, section.faults))
    if section.notes:
        yield bullets(map(escaped, section.notes))
    if section.errors.rows:
        yield "### Errors of all trials"
        yield markdown_table(section.errors)


def _reproduction(section: ReproductionSection) -> Iterator[str]:
    yield "## Repeat the run"
    yield code_block("\n".join(section.commands))
    yield markdown_table(section.seals)
    if section.earlier.rows:
        yield "### Earlier runs"
        yield markdown_table(section.earlier)


def _how_to_read(method: str) -> Iterator[str]:
    yield "## How to read this verdict"
    yield method
    yield bullets(f"**{name}**: {text}" for name, text in how_to_read.VERDICT_MEANINGS.items())
    yield "Known limits:"
    yield bullets(how_to_read.KNOWN_LIMITS)
