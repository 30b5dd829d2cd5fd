"""Effects of a few per cent, planted by counted work: found within minutes, and not where none is.

A run tests one of two claims, in turn: that the other arm is slower by more than the bound, or that
it is not. Its trials are judged against the other claim as well; if they leave it open, it is run
by itself.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lab.hypothesis import loads
from lab.runs.run_folder import RunFolder
from lab.verdict.rule import judge
from tests.planted_services import SLICES, listing_twice, without_database
from tests.proof.bench import planted_project
from tests.proof.record import Steps, at_most, publish
from tests.proof.recorded_blocks import outcome, run_text

RUNS = 10  # of each arm
SLOWER, NOT_SLOWER = "slower", "not slower"
LETTERS = {"CONFIRMED": "C", "REFUTED": "R", "INCONCLUSIVE": "I", "INVALID": "V"}


@dataclass(frozen=True)
class Subject:
    """What is made slower, and by how much of its own work.

    Attributes:
        file: The hypothesis, with its claim, its bound and the value of the other arm left out.
        make_project: Makes the project that it runs in.
        share: How much slower the claim says that it is, at least.
        bounds: Of each claim.
        values: Of the setting in the other arm: as many as the original's, and more.
        work: What was added, in words.
        limit_s: That a run may take.
    """

    file: str
    make_project: Callable[[Path], Path]
    share: float
    bounds: Mapping[str, str]
    values: Mapping[str, int]
    work: str
    limit_s: float


def _of_time(share: float) -> dict[str, str]:
    return {SLOWER: f"at_least: {1 + share:g}", NOT_SLOWER: f"at_most: {1 + share:g}"}


def _of_throughput(share: float) -> dict[str, str]:
    lowest = f"{1 / (1 + share):.4f}"
    return {SLOWER: f"at_most: {lowest}", NOT_SLOWER: f"at_least: {lowest}"}


SUBJECTS: Mapping[str, Subject] = {
    "benchmark": Subject(
        "slower-benchmark", planted_project, 0.01, _of_time(0.01),
        {"equal": 2000, "slower": 2060}, "2,060 steps a call against 2,000: 3 %", 180.0,
    ),
    "service without a database": Subject(
        "slower-work", without_database, 0.02, _of_throughput(0.02),
        {"equal": 20_000, "slower": 21_000}, "21,000 steps a request against 20,000: 5 %", 300.0,
    ),
    "listing": Subject(
        "slower-listing", listing_twice, 0.05, _of_throughput(0.05),
        {"equal": 0, "slower": 10}, "every tenth page done twice: 10 %", 300.0,
    ),
}  # fmt: skip


def prove() -> bool:
    """Slower arms found in nine of ten runs, within the time; equal ones never."""
    steps = Steps("small-effects")
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for seed in range(1, at_most(RUNS) + 1):
        for name, subject in SUBJECTS.items():
            for arm in subject.values:
                step = partial(run, subject, arm, seed)
                found.setdefault((name, arm), []).append(steps.do(f"{name} {arm} {seed}", step))
    lines = [
        "An arm that does more of the same work, and none that waits. The work added is counted. "
        "A run tests one of the two claims, in turn; its trials are judged against the other one "
        "as well, and if they leave it open, that is run by itself. *Slower* is right where more "
        "was added, *not slower* where nothing was. C confirmed, R refuted, I inconclusive, "
        "V invalid. Seconds from the command to the verdict.",
        "",
        "| what | other arm | claimed slower by at least | claimed not slower than that | runs "
        "| seconds | limit | blocks | ratios |",
        "| --- " * 9 + "|",
    ]
    holds = True
    for (name, arm), runs in found.items():
        subject = SUBJECTS[name]
        seen = {claim: Counter(run["verdicts"][claim] for run in runs) for claim in subject.bounds}
        right, wrong = (SLOWER, NOT_SLOWER) if arm == "slower" else (NOT_SLOWER, SLOWER)
        holds &= not seen[right]["REFUTED"] and not seen[wrong]["CONFIRMED"]
        took = [run["took_s"] for run in runs]
        if arm == "slower":
            holds &= seen[right]["CONFIRMED"] >= 0.9 * len(runs)
            holds &= seen[wrong]["REFUTED"] >= 0.9 * len(runs)
            holds &= max(took) <= subject.limit_s
        cells = [
            f"{subject.share:.0%}: " + " ".join(f"{n} {LETTERS[v]}" for v, n in each.most_common())
            for each in seen.values()
        ]
        work = subject.work if arm == "slower" else "equal"
        ratios = ", ".join("-" if r["ratio"] is None else f"{r['ratio']:.3f}" for r in runs)
        blocks = [run["blocks"] for run in runs]
        lines.append(
            f"| {name} | {work} | {' | '.join(cells)} | {len(runs)} "
            f"| {min(took):.0f} to {max(took):.0f} | {subject.limit_s:g} "
            f"| {min(blocks)} to {max(blocks)} | {ratios} |"
        )
    publish(
        "small-effects", "Small effects: a few per cent found, and none where none is", lines, steps
    )
    return holds


def run(subject: Subject, arm: str, seed: int) -> dict[str, Any]:
    """A run of one claim, the verdict on both, and how long it took."""
    first, second = (SLOWER, NOT_SLOWER) if seed % 2 else (NOT_SLOWER, SLOWER)
    with tempfile.TemporaryDirectory() as folder:
        project = subject.make_project(Path(folder))
        run_folder, _ = run_text(project, subject.file, text_of(subject, arm, first), seed)
        found = outcome(run_folder)
        other = rejudged(run_folder, project, text_of(subject, arm, second))
        took_s = found["elapsed_s"]
        if other is None:
            alone, _ = run_text(project, subject.file, text_of(subject, arm, second), seed)
            other = outcome(alone)["verdict"]
            took_s = max(took_s, outcome(alone)["elapsed_s"])
    return {
        "verdicts": {first: found["verdict"], second: other},
        "claimed": first,
        "ratio": next(iter(found["estimates"].values()))[0],
        "took_s": took_s,
        "blocks": found["blocks"],
        "voided": found["voided"],
    }


def text_of(subject: Subject, arm: str, claim: str) -> str:
    """The hypothesis of a claim."""
    text = (SLICES / f"{subject.file}.md").read_text()
    words = f"the other arm is {claim} by {subject.share:.0%}"
    return (
        text.replace("CLAIM", words)
        .replace("BOUND", subject.bounds[claim])
        .replace("VALUE", str(subject.values[arm]))
    )


def rejudged(run_folder: RunFolder, project: Path, text: str) -> str | None:
    """The verdict that a run's trials give another claim; None if they leave it open."""
    hypothesis = loads(text, project / "hypotheses" / "other.md", project)
    return judge(hypothesis, run_folder.plan(), run_folder.trials()).verdict
