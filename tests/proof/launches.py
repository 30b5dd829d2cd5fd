"""Processes whose speed is drawn when they start: are equal arms called different?"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

from tests.planted_services import SLICES, without_database
from tests.proof.bench import planted_project
from tests.proof.planted_runs import run_beside
from tests.proof.record import Steps, publish

RUNS = 20
RUNS_KEPT = 5  # for comparison: the interval does not cover what differs between launches
MOST_DIFFERENT = 2  # of 20 at 1 % a side: more have a probability of .007
CASES = (
    ("benchmark, always fresh", "launched-benchmark", None, RUNS),
    ("service, fresh processes before each block", "launched-service", "fresh", RUNS),
    ("service, processes kept", "launched-service", "kept", RUNS_KEPT),
)


def prove() -> bool:
    """Equal arms at bound 1.00 are seldom called different, if their processes are fresh."""
    steps = Steps("launches")
    holds = True
    lines = [
        "Two equal arms whose processes draw their speed when they start, within 10 % of the mean "
        "on either side; the claim is that one of them is faster at all (bound 1.00).",
        "",
        "| what | runs | called different | verdicts | ratios | seconds |",
        "| --- " * 6 + "|",
    ]
    for what, name, lifetime, count in CASES:
        runs = [
            steps.do(f"{what} {seed}", partial(run_one, name, lifetime, seed))
            for seed in range(1, count + 1)
        ]
        different = sum(run["outcome"] != "undecided" for run in runs)
        if lifetime != "kept":
            holds &= different <= MOST_DIFFERENT
        verdicts = Counter(run["verdict"] for run in runs)
        ratios = [run["ratio"] for run in runs if run["ratio"] is not None]
        took = [run["took_s"] for run in runs]
        lines.append(
            f"| {what} | {count} | {different} "
            f"| {', '.join(f'{n} {verdict}' for verdict, n in verdicts.most_common())} "
            f"| {min(ratios):.3f} to {max(ratios):.3f} | {min(took):.0f} to {max(took):.0f} |"
        )
    publish("launches", "Processes that differ from launch to launch", lines, steps)
    return holds


def run_one(name: str, lifetime: str | None, seed: int) -> dict[str, Any]:
    """One run of the real command."""
    text = (SLICES / f"{name}.md").read_text()
    if lifetime is not None:
        text = text.replace("processes: fresh", f"processes: {lifetime}")
    make_project = planted_project if lifetime is None else without_database
    return run_beside(make_project, text, name, seed)
