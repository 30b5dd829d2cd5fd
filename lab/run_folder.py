"""The only reader and writer of run folders: versioned, crash-safe.

A run folder holds `hypothesis.md`, `plan.json`, `conditions.json`, `trials.jsonl` (a line per
finished trial, flushed), `journal.jsonl` (sessions of the run), `series/` (a row per second; of a
soak a row per interval, and beside it the trial as far as it has come), `rounds/` (the raw rounds
of each process of a benchmark), `profiles/`, `verdict.json`, `report.html` and `report.md`; of a
failed run `logs/` as well.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import struct
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from lab.errors import StorageError, UsageError, storage_error
from lab.hypothesis import Step
from lab.plan import Attempt, Plan
from lab.trial import SoakEvidence, TimeSeries, Trial
from lab.trial_record import from_record, to_record
from lab.verdict_record import Verdict


class RunFolderError(UsageError):
    """A run folder that cannot be read or written; the message says which file and why."""


class RunFolder:
    """One run folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def create(cls, reports: Path, name: str) -> RunFolder:
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
            except OSError as error:
                raise storage_error(folder, error) from error
            for part in ("series", "profiles"):
                (folder / part).mkdir()
            return cls(folder)
        raise RunFolderError(f"{reports / name}: no free run folder for {stamp}")

    @classmethod
    def open(cls, folder: Path) -> RunFolder:
        """Open an existing run folder."""
        run_folder = cls(folder)
        if not run_folder.path("plan.json").is_file():
            raise RunFolderError(
                f"{folder}: not a run folder (no plan.json). "
                "Name a folder such as reports/NAME/latest"
            )
        return run_folder

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
        try:
            with draft.open("w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
        except OSError as error:
            raise _unwritable(self.folder, error) from error

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
        self._append("trials.jsonl", to_record(trial))

    def add_journal(self, event: str, **facts: Any) -> None:
        """Append what happened to the run as a whole."""
        self._append(
            "journal.jsonl",
            {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **facts},
        )

    def series_writer(self, block: int, step: Step) -> SeriesWriter:
        """Where the rows of a trial's series go while it runs."""
        return SeriesWriter(self.path(_series_name(block, step)))

    def write_rounds(self, trial: Trial, rounds: Sequence[float]) -> None:
        """Keep the raw rounds of a benchmark's process: seconds per call, as 64-bit floats."""
        file = self.path(_rounds_name(trial))
        try:
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(struct.pack(f"<{len(rounds)}d", *rounds))
        except OSError as error:
            raise _unwritable(self.folder, error) from error

    def add_interval(self, block: int, step: Step, row: Mapping[str, Any], trial: Trial) -> None:
        """Append an interval of a soak, and keep the trial as far as it has come."""
        self._append(_intervals_name(block, step), row)
        self.write_json(_unfinished_name(block, step), to_record(trial))

    def finish_soak_trial(self, trial: Trial) -> None:
        """Append the finished trial of a soak in place of the unfinished one."""
        self.add_trial(trial)
        self.path(_unfinished_name(trial.block, trial.step)).unlink(missing_ok=True)

    def _append(self, name: str, record: Mapping[str, Any]) -> None:
        line = json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n"
        try:
            with self.path(name).open("ab+", buffering=0) as file:
                _drop_torn_line(file)
                left = memoryview(line.encode())
                while left:  # a disk that fills up takes a part without a word
                    left = left[file.write(left) :]
                os.fsync(file.fileno())
        except OSError as error:
            raise _unwritable(self.folder, error) from error

    # -- reading ---------------------------------------------------------------------------

    def read_json(self, name: str) -> dict[str, Any]:
        """Read a JSON file of the run."""
        try:
            data = json.loads(self.path(name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunFolderError(f"{self.path(name)}: cannot be read ({error})") from error
        if not isinstance(data, dict):
            raise RunFolderError(f"{self.path(name)}: not a JSON object")
        return data

    def plan(self) -> Plan:
        """The sealed plan."""
        try:
            return Plan.from_dict(self.read_json("plan.json"))
        except (KeyError, TypeError) as error:
            raise RunFolderError(f"{self.path('plan.json')}: not a plan ({error})") from error

    def conditions(self) -> dict[str, Any]:
        """What the run ran on; empty where it ended before that was known."""
        return self.read_json("conditions.json") if self.path("conditions.json").exists() else {}

    def trials(self) -> list[Trial]:
        """All finished trials."""
        try:
            trials = [from_record(record) for record in self._lines("trials.jsonl")]
        except (KeyError, TypeError) as error:
            raise RunFolderError(f"{self.path('trials.jsonl')}: not a trial ({error})") from error
        return [self._with_time_series(trial) for trial in trials]

    def unfinished_soak_trial(self, block: int, step: Step) -> Trial | None:
        """A soak trial as far as it came; None if it has not begun or is finished."""
        name = _unfinished_name(block, step)
        if not self.path(name).is_file():
            return None
        return self._with_time_series(from_record(self.read_json(name)))

    def _with_time_series(self, trial: Trial) -> Trial:
        time_series = self.time_series(trial.block, trial.step)
        if time_series is None:
            return trial
        evidence = trial.evidence if isinstance(trial.evidence, SoakEvidence) else SoakEvidence()
        return replace(trial, evidence=replace(evidence, time_series=time_series))

    def time_series(self, block: int, step: Step) -> TimeSeries | None:
        """The intervals of a soak trial; None if there are none, as for every other kind."""
        name = _intervals_name(block, step)
        if not self.path(name).exists():
            return None
        import numpy as np

        times, segments = array("d"), array("q")
        columns: dict[str, array[float]] = {}
        for row in self._lines(name):
            for series, value in row["values"].items():
                if (column := columns.get(series)) is None:
                    column = columns[series] = array("d")
                column.extend([math.nan] * (len(times) - len(column)))
                column.append(math.nan if value is None else value)
            times.append(row["t"])
            segments.append(row["segment"])
        for column in columns.values():
            column.extend([math.nan] * (len(times) - len(column)))
        return TimeSeries(
            np.array(times, dtype=np.float64),
            np.array(segments, dtype=np.int64),
            {series: np.array(column, dtype=np.float64) for series, column in columns.items()},
        )

    def journal(self) -> list[dict[str, Any]]:
        """What happened to the run as a whole."""
        return list(self._lines("journal.jsonl"))

    def series(self, block: int, step: Step) -> list[dict[str, Any]]:
        """The rows of one trial's series."""
        return list(self._lines(_series_name(block, step)))

    def rounds(self, trial: Trial) -> list[float]:
        """The raw rounds of a benchmark's process; empty where none were kept."""
        file = self.path(_rounds_name(trial))
        if not file.is_file():
            return []
        try:
            return [value for (value,) in struct.iter_unpack("<d", file.read_bytes())]
        except (OSError, struct.error) as error:
            raise RunFolderError(f"{file}: damaged rounds ({error})") from error

    def _lines(self, name: str) -> Iterator[dict[str, Any]]:
        path = self.path(name)
        if not path.exists():
            return
        damaged: tuple[int, ValueError] | None = None
        try:
            file = path.open(encoding="utf-8", errors="replace")
        except OSError as error:
            raise RunFolderError(f"{path}: cannot be read ({error.strerror})") from error
        with file:
            for number, line in enumerate(file, 1):
                if damaged:  # only the last line may be cut short, by a crash
                    raise RunFolderError(f"{path}:{damaged[0]}: damaged line ({damaged[1]})")
                try:
                    record = json.loads(line)
                except ValueError as error:
                    damaged = number, error
                    continue
                yield record


class SeriesWriter:
    """Rows of one trial, a line each, flushed as they come."""

    def __init__(self, path: Path) -> None:
        self._run = path.parent.parent
        # "w": a repeated trial of an interrupted block starts anew
        self._file: TextIO = path.open("w", encoding="utf-8")

    def add(self, row: Mapping[str, Any]) -> None:
        """Append one row."""
        try:
            self._file.write(json.dumps(row, separators=(",", ":"), allow_nan=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise _unwritable(self._run, error) from error

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):  # what did not fit was told by `add`
            self._file.close()


def _unwritable(folder: Path, error: OSError) -> StorageError:
    return storage_error(
        folder,
        error,
        "What was written is kept; make room and go on with lab run NAME --resume",
    )


def _intervals_name(block: int, step: Step) -> str:
    return _series_name(block, step).replace(".jsonl", ".intervals.jsonl")


def _unfinished_name(block: int, step: Step) -> str:
    return _series_name(block, step).replace(".jsonl", ".unfinished.json")


def _series_name(block: int, step: Step) -> str:
    return f"series/{block:02d}-{str(step).replace(' ', '-')}.jsonl"


def _rounds_name(trial: Trial) -> str:
    step = str(trial.step).replace(" ", "-")
    return f"rounds/{trial.block:02d}-{step}-{trial.repeat}.f64"


def attempts(reports: Path, name: str, claim_digest: str) -> tuple[Attempt, ...]:
    """Earlier runs of this hypothesis, oldest first, for the report's first screen."""
    found: list[Attempt] = []
    folder = reports / name
    if not folder.is_dir():
        return ()
    for run in sorted(folder.iterdir()):
        if run.is_symlink() or not (run / "plan.json").is_file():
            continue
        run_folder = RunFolder(run)
        verdict = "unfinished"
        if (run / "verdict.json").is_file():
            verdict = str(run_folder.read_json("verdict.json").get("verdict"))
        same = run_folder.plan().claim_digest == claim_digest
        found.append(Attempt(run.name, verdict, same))
    return tuple(found)


def _drop_torn_line(file: BinaryIO) -> None:
    """Remove a last line that a crash cut short, so that the next one begins on its own."""
    size = file.seek(0, os.SEEK_END)
    if not size:
        return
    file.seek(size - 1)
    if file.read(1) != b"\n":
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
