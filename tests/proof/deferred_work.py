"""Work that outlasts a slice: the ratios of arms in slices against those in whole windows."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lab.files.json_files import read_lines
from lab.stats.confidence_interval import ConfidenceInterval, t_interval_of_logs
from tests.planted_services import SLICES, without_database
from tests.proof.record import Steps, at_most, publish
from tests.proof.recorded_blocks import outcome, run_text

RUNS = 5
TAIL = 0.025
PLANTED = "half of each request's work a second later"
FILE = SLICES / "deferred-work.md"
LOADS = {"slices": "load: {users: 4}", "windows": "load: {users: 4, slices: off}"}  # by way


def prove() -> bool:
    """Ratios equal within their intervals."""
    steps = Steps("deferred-work")
    lines = [
        "Runs in slices and in whole windows of 4 s in turn, with different seeds. The planted "
        "service does half of each request's work a second after its answer, in *later* two "
        "thirds of it; 16,000 steps a request in *light*, 24,000 in the others, so that the true "
        "ratio is 0.67. Mean of the runs with its 95 % interval over runs; *difference* is the "
        "slices' value relative to that of the windows.",
        "",
        "| compared | runs | in slices | in windows | difference | equal "
        "| verdicts in slices | verdicts in windows | length of the slices |",
        "| --- " * 9 + "|",
    ]
    holds = True
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in LOADS}
    for seed in range(1, at_most(RUNS) + 1):
        for way in LOADS:
            work = partial(run, way, seed)
            runs[way].append(steps.do(f"{PLANTED} in {way} {seed}", work))
    verdicts = [
        ", ".join(f"{n} {v}" for v, n in Counter(r["verdict"] for r in runs[way]).items())
        for way in LOADS
    ]
    lengths = sorted({length for r in runs["slices"] for length in r["slice_s"]})
    words = ", ".join(f"{length:g} s" for length in lengths) or "-"
    for compared in runs["slices"][0]["estimates"]:
        found = {way: estimates(runs[way], compared) for way in runs}
        sliced, whole = (mean(found[way]) for way in LOADS)
        equal = overlap(sliced, whole)
        holds &= equal
        lines.append(
            f"| {compared} | {len(runs['slices'])} | {_interval(sliced)} | {_interval(whole)} "
            f"| {sliced.estimate / whole.estimate - 1:+.1%} | {'yes' if equal else '**no**'} "
            f"| {' | '.join(verdicts)} | {words} |"
        )
    publish("deferred-work", "Work that outlasts a slice: slices against windows", lines, steps)
    return holds


def run(way: str, seed: int) -> dict[str, Any]:
    """One whole run; its estimates, and the lengths that its slices had."""
    with tempfile.TemporaryDirectory() as folder:
        project = without_database(Path(folder))
        text = FILE.read_text().replace("load: LOAD", LOADS[way])
        run_folder, _ = run_text(project, FILE.stem, text, seed)
        found = outcome(run_folder)
        lengths = {
            round(each["seconds"], 1)
            for record in read_lines(run_folder.path("trials.jsonl"))
            for each in record.get("slices", ())
        }
        kept = ("verdict", "reasons", "blocks", "voided", "elapsed_s", "estimates")
        return {**{key: found[key] for key in kept}, "slice_s": sorted(lengths)}


def estimates(runs: Sequence[Mapping[str, Any]], compared: str) -> list[float]:
    """What each run that has one estimates."""
    found = [run["estimates"][compared][0] for run in runs]
    return [each for each in found if each is not None]


def mean(ratios: Sequence[float]) -> ConfidenceInterval:
    """The mean of ratios over runs, of their logarithms."""
    return t_interval_of_logs([math.log(ratio) for ratio in ratios], TAIL)


def overlap(first: ConfidenceInterval, second: ConfidenceInterval) -> bool:
    """Whether two intervals have a value in common."""
    return first.low <= second.high and second.low <= first.high


def _interval(found: ConfidenceInterval) -> str:
    return f"{found.estimate:.3f} [{found.low:.3f} to {found.high:.3f}]"
