"""Work that outlasts a slice: the ratios of arms in slices against those in whole windows."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lab.json_files import read_lines
from lab.stats.confidence_interval import ConfidenceInterval, t_interval, t_interval_of_logs
from tests.planted_services import SLICES, without_database
from tests.proof.record import Steps, at_most, publish
from tests.proof.recorded_blocks import outcome, run_text
from tests.runs import ROOT, copy_project

RUNS = 5
TAIL = 0.025
PLANTED, POOL = "half of each request's work a second later", "pool-exhaustion"


@dataclass(frozen=True)
class Subject:
    """A hypothesis that is run in slices and in whole windows.

    Attributes:
        file: The hypothesis.
        make_project: Makes the project that it runs in.
        loads: What is written for its load, by way.
        written: What that stands in place of.
    """

    file: Path
    make_project: Callable[[Path], Path]
    written: str
    loads: Mapping[str, str]


SUBJECTS: Mapping[str, Subject] = {
    PLANTED: Subject(
        SLICES / "deferred-work.md",
        without_database,
        "load: LOAD",
        {"slices": "load: {users: 4}", "windows": "load: {users: 4, slices: off}"},
    ),
    POOL: Subject(
        ROOT / "hypotheses" / "pool-exhaustion.md",
        copy_project,
        "load: {users: 50, slices: off}\ntrial: {warmup: 1s, window: 3500ms}",
        {
            "slices": "load: {users: 50, slices: 500ms}\ntrial: {warmup: 1s, window: 4s}",
            "windows": "load: {users: 50, slices: off}\ntrial: {warmup: 1s, window: 4s}",
        },
    ),
}


def prove() -> bool:
    """Ratios equal within their intervals."""
    steps = Steps("deferred-work")
    lines = [
        "Runs in slices and in whole windows of 4 s in turn, with different seeds. The planted "
        "service does half of each request's work a second after its answer, in *later* two "
        "thirds of it; 16,000 steps a request in *light*, 24,000 in the others, so that the true "
        "ratio is 0.67. Pool-exhaustion has slices of half a second, which is less than the cycle "
        "of its users. Mean of the runs with its 95 % interval over runs; *difference* is the "
        "slices' value relative to that of the windows.",
        "",
        "| what | runs | compared | in slices | in windows | difference | equal "
        "| verdicts in slices | verdicts in windows | length of the slices |",
        "| --- " * 10 + "|",
    ]
    holds = True
    for name, subject in SUBJECTS.items():
        runs: dict[str, list[dict[str, Any]]] = {way: [] for way in subject.loads}
        for seed in range(1, at_most(RUNS) + 1):
            for way in subject.loads:
                work = partial(run, subject, way, seed)
                runs[way].append(steps.do(f"{name} in {way} {seed}", work))
        verdicts = [
            ", ".join(f"{n} {v}" for v, n in Counter(r["verdict"] for r in runs[way]).items())
            for way in subject.loads
        ]
        lengths = sorted({length for r in runs["slices"] for length in r["slice_s"]})
        words = ", ".join(f"{length:g} s" for length in lengths) or "-"
        for compared in runs["slices"][0]["estimates"]:
            found = {way: estimates(runs[way], compared) for way in runs}
            sliced, whole = (mean(compared, found[way]) for way in ("slices", "windows"))
            apart = difference(compared, found["slices"], found["windows"])
            equal = overlap(sliced, whole)
            holds &= equal
            lines.append(
                f"| {name} | {len(runs['slices'])} | {compared} | {_interval(sliced)} "
                f"| {_interval(whole)} | {apart} | {'yes' if equal else '**no**'} "
                f"| {' | '.join(verdicts)} | {words} |"
            )
    publish("deferred-work", "Work that outlasts a slice: slices against windows", lines, steps)
    return holds


def run(subject: Subject, way: str, seed: int) -> dict[str, Any]:
    """One whole run; its estimates, and the lengths that its slices had."""
    with tempfile.TemporaryDirectory() as folder:
        project = subject.make_project(Path(folder))
        text = text_of(subject, way)
        run_folder, _ = run_text(project, subject.file.stem, text, seed)
        found = outcome(run_folder)
        lengths = {
            round(each["seconds"], 1)
            for record in read_lines(run_folder.path("trials.jsonl"))
            for each in record.get("slices", ())
        }
        kept = ("verdict", "reasons", "blocks", "voided", "elapsed_s", "estimates")
        return {**{key: found[key] for key in kept}, "slice_s": sorted(lengths)}


def text_of(subject: Subject, way: str) -> str:
    """The hypothesis with the load of a way."""
    text = subject.file.read_text()
    if text.count(subject.written) != 1:
        raise ValueError(f"{subject.file.name} has this not exactly once: {subject.written!r}")
    return text.replace(subject.written, subject.loads[way])


def estimates(runs: Sequence[Mapping[str, Any]], compared: str) -> list[float]:
    """What each run that has one estimates."""
    found = [run["estimates"][compared][0] for run in runs]
    return [each for each in found if each is not None]


def mean(compared: str, values: Sequence[float]) -> ConfidenceInterval:
    """The mean over runs, of logarithms if two arms are compared."""
    if _is_ratio(compared):
        return t_interval_of_logs([math.log(value) for value in values], TAIL)
    return t_interval(values, TAIL)


def difference(compared: str, sliced: Sequence[float], whole: Sequence[float]) -> str:
    """How far the first is above the second: relative for ratios, else as it is."""
    first, second = mean(compared, sliced).estimate, mean(compared, whole).estimate
    return f"{first / second - 1:+.1%}" if _is_ratio(compared) else f"{first - second:+.3f}"


def overlap(first: ConfidenceInterval, second: ConfidenceInterval) -> bool:
    """Whether two intervals have a value in common."""
    return first.low <= second.high and second.low <= first.high


def _is_ratio(compared: str) -> bool:
    return " / " in compared


def _interval(found: ConfidenceInterval) -> str:
    return f"{found.estimate:.3f} [{found.low:.3f} to {found.high:.3f}]"
