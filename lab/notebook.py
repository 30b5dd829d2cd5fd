"""The only reader and writer of run folders: versioned, crash-safe.

A run folder holds `hypothesis.md`, `plan.json`, `conditions.json`, `trials.jsonl` (a line per
finished trial, flushed), `journal.jsonl` (sessions of the run), `series/` (a row per second),
`profiles/`, `verdict.json`, `report.html` and `report.md`; of a failed run
`logs/` as well.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from lab.hypothesis import Step
from lab.plan import Attempt, Plan
from lab.trial import Fault, Requests, Trial, Usage
from lab.verdict import Verdict

TRIAL_SCHEMA = "lab.trial/1"


class NotebookError(Exception):
    """A run folder that cannot be read or written; the message says which file and why."""


class Notebook:
    """One run folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def create(cls, reports: Path, name: str) -> Notebook:
        """Make a new run folder `reports/NAME/RUN`, RUN being the UTC time.

        The first entry of a fresh folder is its plan: until that is written nothing points at it.
        """
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        for suffix in ("", *(f"-{i}" for i in range(2, 100))):
            folder = reports / name / (stamp + suffix)
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                continue
            for part in ("series", "profiles"):
                (folder / part).mkdir()
            return cls(folder)
        raise NotebookError(f"{reports / name}: no free run folder for {stamp}")

    @classmethod
    def open(cls, folder: Path) -> Notebook:
        """Open an existing run folder."""
        notebook = cls(folder)
        if not notebook.path("plan.json").is_file():
            raise NotebookError(
                f"{folder}: not a run folder (no plan.json). "
                "Name a folder such as reports/NAME/latest"
            )
        return notebook

    def path(self, *parts: str) -> Path:
        """A file of this run."""
        return self.folder.joinpath(*parts)

    @property
    def run(self) -> str:
        """The run's name."""
        return self.folder.resolve().name

    # -- writing ---------------------------------------------------------------------------

    def write_text(self, name: str, text: str) -> None:
        """Write a file whole or not at all."""
        target = self.path(name)
        draft = target.with_name(f".{target.name}.part")
        with draft.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)

    def write_json(self, name: str, data: Mapping[str, Any]) -> None:
        """Write a JSON file whole or not at all; NaN and infinity are refused."""
        self.write_text(name, json.dumps(data, indent=2, allow_nan=False) + "\n")

    def write_plan(self, plan: Plan, hypothesis_text: str) -> None:
        """Seal the run: the claim's text and the plan, and `latest` pointing here."""
        self.write_text("hypothesis.md", hypothesis_text)
        self.write_json("plan.json", plan.as_dict())
        latest = self.folder.parent / "latest"
        draft = self.folder.parent / ".latest.part"
        draft.unlink(missing_ok=True)
        draft.symlink_to(self.folder.name)
        draft.replace(latest)

    def write_verdict(self, verdict: Verdict) -> None:
        """Write `verdict.json`."""
        self.write_json("verdict.json", verdict.as_dict())

    def add_trial(self, trial: Trial) -> None:
        """Append a finished trial; it is on disk when this returns."""
        record = {"schema": TRIAL_SCHEMA, **asdict_trial(trial)}
        self._append("trials.jsonl", record)

    def add_journal(self, event: str, **facts: Any) -> None:
        """Append what happened to the run as a whole."""
        self._append(
            "journal.jsonl",
            {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **facts},
        )

    def series_writer(self, block: int, step: Step) -> SeriesWriter:
        """Where the rows of a trial's series go while it runs."""
        return SeriesWriter(self.path(_series_name(block, step)))

    def _append(self, name: str, record: Mapping[str, Any]) -> None:
        line = json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n"
        with self.path(name).open("ab+") as file:
            _drop_torn_line(file)
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    # -- reading ---------------------------------------------------------------------------

    def read_json(self, name: str) -> dict[str, Any]:
        """Read a JSON file of the run."""
        try:
            data = json.loads(self.path(name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise NotebookError(f"{self.path(name)}: cannot be read ({error})") from error
        if not isinstance(data, dict):
            raise NotebookError(f"{self.path(name)}: not a JSON object")
        return data

    def plan(self) -> Plan:
        """The sealed plan."""
        try:
            return Plan.from_dict(self.read_json("plan.json"))
        except (KeyError, TypeError) as error:
            raise NotebookError(f"{self.path('plan.json')}: not a plan ({error})") from error

    def conditions(self) -> dict[str, Any]:
        """What the run ran on; empty where it ended before that was known."""
        return self.read_json("conditions.json") if self.path("conditions.json").exists() else {}

    def trials(self) -> list[Trial]:
        """All finished trials."""
        try:
            return [trial_from_dict(record) for record in self._lines("trials.jsonl")]
        except (KeyError, TypeError) as error:
            raise NotebookError(f"{self.path('trials.jsonl')}: not a trial ({error})") from error

    def journal(self) -> list[dict[str, Any]]:
        """What happened to the run as a whole."""
        return list(self._lines("journal.jsonl"))

    def series(self, block: int, step: Step) -> list[dict[str, Any]]:
        """The rows of one trial's series."""
        return list(self._lines(_series_name(block, step)))

    def _lines(self, name: str) -> Iterator[dict[str, Any]]:
        path = self.path(name)
        if not path.exists():
            return
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        for number, line in enumerate(lines, 1):
            try:
                yield json.loads(line)
            except ValueError as error:
                if number == len(lines):
                    return  # a crash cut the last line short
                raise NotebookError(f"{path}:{number}: damaged line ({error})") from error


class SeriesWriter:
    """Rows of one trial, a line each, flushed as they come."""

    def __init__(self, path: Path) -> None:
        # "w": a repeated trial of an interrupted block starts anew
        self._file: TextIO = path.open("w", encoding="utf-8")

    def add(self, row: Mapping[str, Any]) -> None:
        """Append one row."""
        self._file.write(json.dumps(row, separators=(",", ":"), allow_nan=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _series_name(block: int, step: Step) -> str:
    return f"series/{block:02d}-{str(step).replace(' ', '-')}.jsonl"


def attempts(reports: Path, name: str, claim_digest: str) -> tuple[Attempt, ...]:
    """Earlier runs of this hypothesis, oldest first, for the report's first screen."""
    found: list[Attempt] = []
    folder = reports / name
    if not folder.is_dir():
        return ()
    for run in sorted(folder.iterdir()):
        if run.is_symlink() or not (run / "plan.json").is_file():
            continue
        notebook = Notebook(run)
        verdict = "unfinished"
        if (run / "verdict.json").is_file():
            verdict = str(notebook.read_json("verdict.json").get("verdict"))
        same = notebook.plan().claim_digest == claim_digest
        found.append(Attempt(run.name, verdict, same))
    return tuple(found)


def asdict_trial(trial: Trial) -> dict[str, Any]:
    """A trial as plain JSON types."""
    data = {key: getattr(trial, key) for key in trial.__dataclass_fields__}
    data["requests"] = {name: seen.as_dict() for name, seen in trial.requests.items()}
    data["usage"] = {role: asdict(usage) for role, usage in trial.usage.items()}
    data["faults"] = [asdict(fault) for fault in trial.faults]
    return data


def trial_from_dict(data: Mapping[str, Any]) -> Trial:
    """The inverse of `asdict_trial`."""
    fields = {key: value for key, value in data.items() if key != "schema"}
    fields["requests"] = {n: Requests.from_dict(seen) for n, seen in data["requests"].items()}
    fields["usage"] = {role: Usage(**usage) for role, usage in data["usage"].items()}
    fields["faults"] = tuple(Fault(**fault) for fault in data["faults"])
    return Trial(**fields)


def _drop_torn_line(file: BinaryIO) -> None:
    """Remove a last line that a crash cut short, so that the next one begins on its own."""
    size = file.seek(0, os.SEEK_END)
    if not size:
        return
    file.seek(size - 1)
    if file.read(1) != b"\n":
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
