"""One line about each run of a project, whatever state it is in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.hypothesis import read_headline
from lab.machine.conditions import machine_name, marked_commit
from lab.runs.run_folder import RunFolder, all_runs
from lab.verdict.record import Verdict
from lab.verdict.wording import VERDICT_TONES, Tone, estimate_text

UNFINISHED = "UNFINISHED"
UNREADABLE = "UNREADABLE"


@dataclass(frozen=True)
class RunOverview:
    """What an index shows of a run.

    Attributes:
        name: Of its hypothesis.
        run: Its own name.
        folder: Of the run, from the folder of all reports.
        began: When, in UTC, to the minute; empty if that is not recorded.
        verdict: Or UNFINISHED, or UNREADABLE.
        kind: Of its hypothesis.
        question: Of its hypothesis.
        decided_by: The estimate that decided, or why there is none.
        machine: On which it ran.
        commit: The first digits of it.
        has_report: Whether there is a page.
        has_history: Whether there is a page over all runs of the hypothesis.
    """

    name: str
    run: str
    folder: str
    began: str = ""
    verdict: str = UNREADABLE
    kind: str = ""
    question: str = ""
    decided_by: str = ""
    machine: str = ""
    commit: str = ""
    has_report: bool = False
    has_history: bool = False

    @property
    def tone(self) -> Tone:
        """Of its verdict."""
        return VERDICT_TONES.get(self.verdict, "open")


def run_overviews(reports: Path) -> tuple[RunOverview, ...]:
    """Every run below a folder, the latest first. A run that cannot be read says so itself."""
    found = [_overview(run_folder, reports) for run_folder in all_runs(reports)]
    return tuple(sorted(found, key=lambda run: (run.began, run.folder), reverse=True))


def began(run_folder: RunFolder) -> str:
    """When a run began, in UTC, to the minute; empty if that is not recorded."""
    return run_folder.began()[:16].replace("T", " ")


def commit_of(conditions: Mapping[str, Any]) -> str:
    """The first digits of what was measured, with a mark if files differed from it."""
    if not (conditions.get("commit") or conditions.get("revisions")):
        return ""
    return marked_commit(conditions, 9)


def decided_by(verdict: Verdict) -> str:
    """The estimate that decided, or the first reason why there is none."""
    judgement = verdict.decisive
    if judgement is None:
        return verdict.reasons[0] if verdict.reasons else ""
    measure = f"{judgement.measure} {judgement.subject}"
    return f"{measure} {estimate_text(judgement) or 'without evidence'}"


def _overview(run_folder: RunFolder, reports: Path) -> RunOverview:
    folder = run_folder.folder.relative_to(reports)
    name = folder.parts[0]
    try:
        plan = run_folder.plan()
        verdict, conditions = run_folder.verdict(), run_folder.conditions()
        headline = read_headline(run_folder.path("hypothesis.md"))
        return RunOverview(
            name=plan.hypothesis,
            run=run_folder.run,
            folder=folder.as_posix(),
            began=began(run_folder),
            verdict=str(verdict.verdict) if verdict else UNFINISHED,
            kind=headline.kind,
            question=headline.question,
            decided_by=decided_by(verdict) if verdict else "",
            machine=machine_name(conditions) if conditions else "",
            commit=commit_of(conditions),
            has_report=run_folder.path("report.html").is_file(),
            has_history=(reports / plan.hypothesis / "history.html").is_file(),
        )
    except Exception as error:  # whatever is in that folder, the other runs are listed
        return RunOverview(name, run_folder.run, folder.as_posix(), decided_by=str(error))
