"""A run on one screen of Markdown, for the page of a CI job or a pull request.

The verdict comes first, then the figure that decided; the rest is folded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lab.hypothesis import Hypothesis
from lab.machine.conditions import is_edited, machine_name, measured_commit
from lab.reporting.markdown_syntax import bullets, code_block, escaped, markdown_table
from lab.reporting.sections.predictions import PredictionResult, prediction_results
from lab.reporting.sections.reproduction import reproduction_section
from lab.reporting.sections.summary import Summary, summarize
from lab.reporting.table import Table
from lab.runs.run_folder import RunFolder
from lab.trials.plan import Plan
from lab.verdict.record import Verdict

MAX_CHARACTERS = 60_000  # a comment on GitHub may have 65,536
_MAX_TEXT = 1_000  # of a single one
_MAX_REASONS = 10
_LEFT_OUT = "Too long for a comment: report.md of the run has it."


def markdown_summary(
    run_folder: RunFolder, hypothesis: Hypothesis, plan: Plan, verdict: Verdict
) -> str:
    """The summary of a run that has its verdict, never longer than `MAX_CHARACTERS`."""
    predictions, rivals = prediction_results(hypothesis, verdict)
    results = (*predictions, *rivals)
    summary = summarize(run_folder.run, hypothesis, plan, verdict, results)
    parts = list(_first_screen(summary, verdict, results))
    folded = {
        f"{_counted(predictions, 'prediction')}, {_counted(rivals, 'rival')}": markdown_table(
            _table(results)
        ),
        "Run, machine and how to repeat it": _facts(run_folder, plan, summary, hypothesis),
    }
    for title, text in folded.items():
        room = MAX_CHARACTERS - sum(len(part) + 2 for part in parts)
        parts.append(_folded(title, text if len(text) < room - 500 else _LEFT_OUT))
    return "\n\n".join(parts) + "\n"


def _first_screen(
    summary: Summary, verdict: Verdict, results: tuple[PredictionResult, ...]
) -> Iterator[str]:
    yield f"### {summary.symbol} {summary.verdict}: {_short(summary.question)}"
    decisive = verdict.decisive
    if decisive is None:
        yield bullets(_short(reason) for reason in verdict.reasons[:_MAX_REASONS])
    else:
        judged = (*verdict.predictions, *verdict.rivals)
        result = results[judged.index(decisive)]
        yield f"**{result.outcome}**: {_short(result.sentence)}; {result.note}."
    yield f"{summary.sentence} ({escaped(summary.name)}, run {escaped(summary.run)})"


def _table(results: tuple[PredictionResult, ...]) -> Table:
    rows = (
        (result.outcome, _cut(result.title), _cut(result.observed), result.predicted)
        for result in results
    )
    return Table(("outcome", "prediction or rival", "observed", "predicted"), tuple(rows), "llll")


def _counted(results: tuple[PredictionResult, ...], what: str) -> str:
    return f"{len(results)} {what}{'s' * (len(results) != 1)}"


def _facts(run_folder: RunFolder, plan: Plan, summary: Summary, hypothesis: Hypothesis) -> str:
    again = reproduction_section(plan, hypothesis)
    return "\n\n".join(
        (
            f"**Claim.** {_short(summary.claim)}",
            f"**Attempts.** {summary.attempts}",
            bullets((_short(summary.facts), *_conditions(run_folder.conditions()))),
            code_block("\n".join(again.commands)),
        )
    )


def _conditions(conditions: Mapping[str, Any]) -> Iterator[str]:
    if conditions:
        yield escaped(machine_name(conditions))
        edited = ", with uncommitted changes" * is_edited(conditions)
        yield escaped(f"commit {measured_commit(conditions)}{edited}")


def _folded(title: str, text: str) -> str:
    return f"<details>\n<summary>{title}</summary>\n\n{text}\n\n</details>"


def _short(text: str) -> str:
    return escaped(_cut(text))


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"
