"""Processes whose speed is drawn when they start: are equal arms called different?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.planted_services import SLICES, elsewhere, without_database
from tests.proof.bench import planted_project
from tests.proof.planted_runs import run_beside
from tests.proof.record import Steps, at_most, publish


@dataclass(frozen=True)
class Case:
    """Runs of one kind.

    Attributes:
        what: In words.
        name: Of the hypothesis.
        lifetime: Of the processes; None if the kind of experiment says it.
        make_project: Makes the project that it runs in.
        most: How many may call the arms different; None if any number may.
        runs: How many there are.
    """

    what: str
    name: str
    lifetime: str | None
    make_project: Callable[[Path], Path]
    most: int | None
    runs: int = 20


CASES = (  # 2 of 20 at 1 % a side: more have a probability of .007
    Case("benchmark, always fresh", "launched-benchmark", None, planted_project, 2),
    Case(
        what="service, fresh processes before each block",
        name="launched-service",
        lifetime="fresh",
        make_project=without_database,
        most=2,
    ),
    Case(  # for comparison: the interval does not cover what differs between launches
        what="service, processes kept",
        name="launched-service",
        lifetime="kept",
        make_project=without_database,
        most=None,
        runs=5,
    ),
)
ELSEWHERE = Case(
    what="a service that only `lab.toml` describes, fresh processes before each block",
    name="launched-service",
    lifetime="fresh",
    make_project=elsewhere,
    most=1,
)


def prove() -> bool:
    """Equal arms at bound 1.00 are seldom called different, if their processes are fresh."""
    return _prove("launches", "Processes that differ from launch to launch", CASES)


def prove_elsewhere() -> bool:
    """So it is for a system that the lab knows by its `lab.toml` alone."""
    title = "Processes of any system that differ from launch to launch"
    return _prove("launches-elsewhere", title, (ELSEWHERE,))


def _prove(part: str, title: str, cases: Sequence[Case]) -> bool:
    steps = Steps(part)
    holds = True
    lines = [
        "Two equal arms whose processes draw their speed when they start, within 10 % of the mean "
        "on either side; the claim is that one of them is faster at all (bound 1.00).",
        "",
        "| what | runs | called different | verdicts | ratios | seconds |",
        "| --- " * 6 + "|",
    ]
    for case in cases:
        runs = [
            steps.do(f"{case.what} {seed}", partial(run_one, case, seed))
            for seed in range(1, at_most(case.runs) + 1)
        ]
        different = sum(run["outcome"] != "undecided" for run in runs)
        holds &= case.most is None or different <= case.most
        verdicts = Counter(run["verdict"] for run in runs)
        ratios = [run["ratio"] for run in runs if run["ratio"] is not None]
        took = [run["took_s"] for run in runs]
        lines.append(
            f"| {case.what} | {len(runs)} | {different} "
            f"| {', '.join(f'{n} {verdict}' for verdict, n in verdicts.most_common())} "
            f"| {min(ratios):.3f} to {max(ratios):.3f} | {min(took):.0f} to {max(took):.0f} |"
        )
    publish(part, title, lines, steps)
    return holds


def run_one(case: Case, seed: int) -> dict[str, Any]:
    """One run of the real command."""
    text = (SLICES / f"{case.name}.md").read_text()
    if case.lifetime is not None:
        text = text.replace("processes: fresh", f"processes: {case.lifetime}")
    return run_beside(case.make_project, text, case.name, seed)
