"""The only reader and writer of run folders.

A run folder holds:

- `hypothesis.md` and `plan.json`: the sealed claim, and what will be done;
- `conditions.json`: what the run ran on;
- `journal.jsonl`: the sessions of the run;
- `trials.jsonl`: a line per finished trial;
- `series/`: for a load, a row per second of each trial; for a soak, a row per interval, and the
  unfinished trial;
- `rounds/`: the raw rounds of each process of a benchmark;
- `profiles/`: a profile per arm;
- `verdict.json`, `report.html`, `report.md`;
- `logs/`: output of the processes, for a run that failed.
"""

from __future__ import annotations

import contextlib
import json
import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from lab.errors import UsageError, storage_error
from lab.files.json_files import RESTORE, append_line, read_lines, read_object, to_line, write_whole
from lab.hypothesis import Step
from lab.prometheus.selector import select
from lab.trials.plan import SCHEMA as PLAN_SCHEMA
from lab.trials.plan import Attempt, Plan
from lab.trials.serialization import SCHEMA as TRIAL_SCHEMA
from lab.trials.serialization import from_record, to_record, to_time_series
from lab.trials.time_series import TimeSeries
from lab.trials.trial import SoakEvidence, Trial
from lab.verdict.record import SCHEMA as VERDICT_SCHEMA
from lab.verdict.record import Verdict

LATEST = "latest"
"""The name of the link to the latest run of a hypothesis, in the folder of its runs."""

SLICES_CHANGED = "slices changed"
"""The event of the journal that says that windows are cut into fewer slices, or not, and why."""


# the files that a verdict is computed from, and the conditions
_EVIDENCE = ("hypothesis.md", "plan.json", "conditions.json", "trials.jsonl", "journal.jsonl")
_INTERVALS = re.compile(r"series/[^/]+\.intervals\.jsonl")


class RunFolderError(UsageError):
    """A folder that is no run folder, or whose files are not those of a run."""


class RunFolder:
    """One run folder.

    What writes raises `StorageError` if the disk is full or a file cannot be written. What reads
    raises `UnreadableFile` for damaged files, `UnknownVersion` for files of another version of the
    lab, and `RunFolderError` for other content.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def create(cls, reports: Path, name: str) -> RunFolder:
        """Make a new run folder `reports/NAME/RUN`, RUN being the UTC time."""
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

    @classmethod
    def restore(cls, folder: Path, evidence: Mapping[str, str]) -> RunFolder:
        """Write a new run folder from what `evidence` returned.

        Raises:
            RunFolderError: It has a file that is none of a run, so that nothing is written.
        """
        for name in evidence:
            if name not in _EVIDENCE and not _INTERVALS.fullmatch(name):
                raise RunFolderError(f"{name!r} is not the name of a file of a run")
        (folder / "series").mkdir(parents=True)
        for name, text in evidence.items():
            (folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))
        return cls.open(folder)

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
        with _writing(self.folder):
            write_whole(self.path(name), text)

    def write_json(self, name: str, data: Mapping[str, Any]) -> None:
        """Write a JSON file whole or not at all. ValueError for NaN and infinity."""
        self.write_text(name, json.dumps(data, indent=2, allow_nan=False) + "\n")

    def write_plan(self, plan: Plan, hypothesis_text: str) -> None:
        """Seal the run: write the claim's text and the plan, and point `latest` here."""
        self.write_text("hypothesis.md", hypothesis_text)
        self.write_json("plan.json", plan.as_dict())
        latest = self.folder.parent / LATEST
        draft = latest.with_name(f".{LATEST}.part")
        draft.unlink(missing_ok=True)
        draft.symlink_to(self.folder.name)
        draft.replace(latest)

    def write_verdict(self, verdict: Verdict) -> None:
        """Write `verdict.json`."""
        self.write_json("verdict.json", verdict.as_dict())

    def add_trial(self, trial: Trial) -> None:
        """Append a finished trial; it is on disk on return."""
        self._append("trials.jsonl", to_record(trial))

    def add_journal(self, event: str, **facts: Any) -> None:
        """Append an event of the run as a whole."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._append("journal.jsonl", {"at": at, "event": event, **facts})

    def series_writer(self, block: int, step: Step) -> SeriesWriter:
        """Open the series of a trial for its rows."""
        return SeriesWriter(self.path(_series_name(block, step)))

    def write_rounds(self, trial: Trial, rounds: Sequence[float]) -> None:
        """Keep the raw rounds of a benchmark's process: seconds per call, as 64-bit floats."""
        file = self.path(_rounds_name(trial))
        with _writing(self.folder):
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(struct.pack(f"<{len(rounds)}d", *rounds))

    def add_interval(self, block: int, step: Step, row: Mapping[str, Any], trial: Trial) -> None:
        """Append an interval of a soak, and write the trial as far as it has come."""
        self._append(_intervals_name(block, step), row)
        self.write_json(_unfinished_name(block, step), to_record(trial))

    def finish_soak_trial(self, trial: Trial) -> None:
        """Append a finished soak trial, and remove the unfinished one."""
        self.add_trial(trial)
        self.path(_unfinished_name(trial.block, trial.step)).unlink(missing_ok=True)

    def _append(self, name: str, record: Mapping[str, Any]) -> None:
        with _writing(self.folder):
            append_line(self.path(name), record)

    # -- reading ---------------------------------------------------------------------------

    def plan(self) -> Plan:
        """The sealed plan."""
        path = self.path("plan.json")
        data = PLAN_SCHEMA.read(read_object(path), str(path))
        try:
            return Plan.from_dict(data)
        except (KeyError, TypeError, ValueError) as error:
            raise RunFolderError(f"{path}: not a plan ({error}). {RESTORE}") from error

    def conditions(self) -> dict[str, Any]:
        """What the run ran on; empty if the run ended before it was known."""
        path = self.path("conditions.json")
        return read_object(path) if path.exists() else {}

    def verdict_name(self) -> str | None:
        """The verdict in a word, as `Verdict.verdict`; None if the run has none yet."""
        data = self._verdict_data()
        return None if data is None else str(data.get("verdict"))

    def verdict(self) -> Verdict | None:
        """The verdict as it is on disk; None if the run has none yet."""
        data = self._verdict_data()
        try:
            return None if data is None else Verdict.from_dict(data)
        except (KeyError, TypeError) as error:
            path = self.path("verdict.json")
            raise RunFolderError(f"{path}: not a verdict ({error}). {RESTORE}") from error

    def _verdict_data(self) -> Mapping[str, Any] | None:
        path = self.path("verdict.json")
        return VERDICT_SCHEMA.read(read_object(path), str(path)) if path.is_file() else None

    def trials(self) -> list[Trial]:
        """All finished trials."""
        path = self.path("trials.jsonl")
        return [
            self._trial(record, f"{path}:{number}")
            for number, record in enumerate(read_lines(path), 1)
        ]

    def unfinished_soak_trial(self, block: int, step: Step) -> Trial | None:
        """A soak trial as far as it came; None if it has not begun or is finished."""
        path = self.path(_unfinished_name(block, step))
        return self._trial(read_object(path), str(path)) if path.is_file() else None

    def time_series(self, block: int, step: Step) -> TimeSeries | None:
        """The intervals of a soak trial; None if there are none, as for every other kind."""
        path = self.path(_intervals_name(block, step))
        return to_time_series(read_lines(path)) if path.exists() else None

    def journal(self) -> list[dict[str, Any]]:
        """The events of the run as a whole."""
        return list(read_lines(self.path("journal.jsonl")))

    def began(self) -> str:
        """When the first session began, in UTC, as ISO 8601; empty if that is not recorded."""
        journal = self.journal()
        return str(journal[0].get("at", "")) if journal else ""

    def last_event(self) -> str | None:
        """The name of the latest event of the run; None if there is none."""
        journal = self.journal()
        return str(journal[-1]["event"]) if journal else None

    def series(self, block: int, step: Step) -> list[dict[str, Any]]:
        """The rows of one trial's series."""
        return list(read_lines(self.path(_series_name(block, step))))

    def rounds(self, trial: Trial) -> list[float]:
        """The raw rounds of a benchmark's process, seconds per call; empty if none were kept."""
        file = self.path(_rounds_name(trial))
        if not file.is_file():
            return []
        try:
            return [value for (value,) in struct.iter_unpack("<d", file.read_bytes())]
        except (OSError, struct.error) as error:
            raise RunFolderError(f"{file}: damaged rounds ({error}). {RESTORE}") from error

    def evidence(self, series: Iterable[str]) -> dict[str, str]:
        """The text of all that the verdict is computed from, by file; see `restore`.

        Args:
            series: Those that the predictions of a soak are about: others are left out, so that
                eight hours take little room.
        """
        files = {
            name: self.path(name).read_bytes().decode("utf-8", "surrogateescape")
            for name in _EVIDENCE
            if self.path(name).is_file()
        }
        wanted = tuple(series)
        for path in sorted(self.path("series").glob("*.intervals.jsonl")):
            rows = ({**row, "values": _chosen(row["values"], wanted)} for row in read_lines(path))
            files[f"series/{path.name}"] = "".join(map(to_line, rows))
        return files

    def _trial(self, record: Mapping[str, Any], place: str) -> Trial:
        data = TRIAL_SCHEMA.read(record, place)
        try:
            trial = from_record(data)
        except (KeyError, TypeError, ValueError) as error:
            raise RunFolderError(f"{place}: not a trial ({error}). {RESTORE}") from error
        time_series = self.time_series(trial.block, trial.step)
        if time_series is None:
            return trial
        evidence = trial.evidence if isinstance(trial.evidence, SoakEvidence) else SoakEvidence()
        return replace(trial, evidence=replace(evidence, time_series=time_series))


class SeriesWriter:
    """Writes the rows of one trial, a line each, flushed at once."""

    def __init__(self, path: Path) -> None:
        self._run = path.parent.parent
        # "w": a repeated trial of an interrupted block starts anew
        self._file: TextIO = path.open("w", encoding="utf-8")

    def add(self, row: Mapping[str, Any]) -> None:
        """Append one row. StorageError if the disk is full."""
        line = to_line(row)
        with _writing(self._run):
            self._file.write(line)
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):  # `add` raised it already
            self._file.close()


def require_latest_link(reports: Path, name: str) -> Path:
    """Where the link to the latest run of a hypothesis is, or will be.

    Raises:
        RunFolderError: Something else has its name, such as a copy of what it pointed to.
    """
    latest = reports / name / LATEST
    if latest.exists() and not latest.is_symlink():
        raise RunFolderError(
            f"{latest}: this should be a link to the latest run, and is none, as in a copy that "
            "follows links. Move it away, or put a link in its place"
        )
    return latest


def all_runs(reports: Path) -> list[RunFolder]:
    """Every run below a folder that has a plan, whatever else it has; in order of hypothesis."""
    plans = [*reports.glob("*/plan.json"), *reports.glob("*/*/plan.json")]
    folders = sorted(plan.parent for plan in plans if _is_own(plan.parent))
    return [RunFolder(folder) for folder in folders]


def earlier_runs(reports: Path, name: str) -> list[RunFolder]:
    """The runs of a hypothesis that have a plan, oldest first."""
    folder = reports / name
    runs = sorted(folder.iterdir()) if folder.is_dir() else []
    found = [RunFolder(run) for run in runs if _is_own(run)]
    return [run_folder for run_folder in found if run_folder.path("plan.json").is_file()]


def attempts(
    reports: Path, name: str, claim_digest: str, revisions: Mapping[str, str] | None = None
) -> tuple[Attempt, ...]:
    """Earlier runs of this hypothesis, oldest first; those of other commits asked something else.

    Args:
        reports: The folder of all runs.
        name: Of the hypothesis.
        claim_digest: Of what is claimed.
        revisions: The commit of each arm that is a revision.
    """
    found = []
    for run_folder in earlier_runs(reports, name):
        plan = run_folder.plan()
        if plan.revisions and revisions and plan.revisions != revisions:
            continue
        same = plan.claim_digest == claim_digest
        found.append(Attempt(run_folder.run, run_folder.verdict_name() or "unfinished", same))
    return tuple(found)


def _is_own(folder: Path) -> bool:
    """Whether it is a run of its own: what is called like the link is a copy of another."""
    return not folder.is_symlink() and folder.name != LATEST


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Raise a failed write as StorageError, with what to do."""
    try:
        yield
    except OSError as error:
        raise storage_error(
            folder,
            error,
            "What was written is kept; make room and go on with lab run NAME --resume",
        ) from error


def _chosen(values: Mapping[str, Any], wanted: Sequence[str]) -> dict[str, Any]:
    """The values of the series that are named or selected."""
    named = {name: name for name in values}
    chosen = {
        name for each in wanted for name in ([each] if each in named else select(named, each))
    }
    return {name: value for name, value in values.items() if name in chosen}


def _series_name(block: int, step: Step) -> str:
    return f"series/{_stem(block, step)}.jsonl"


def _intervals_name(block: int, step: Step) -> str:
    return f"series/{_stem(block, step)}.intervals.jsonl"


def _unfinished_name(block: int, step: Step) -> str:
    return f"series/{_stem(block, step)}.unfinished.json"


def _rounds_name(trial: Trial) -> str:
    return f"rounds/{_stem(trial.block, trial.step)}-{trial.repeat}.f64"


def _stem(block: int, step: Step) -> str:
    return f"{block:02d}-{str(step).replace(' ', '-')}"
