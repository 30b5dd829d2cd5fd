"""What a neighbour on the target's core does to a run: wrong decisions, lost power, void blocks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from tests.disturbances import Neighbour
from tests.planted_services import SLICES, without_database
from tests.proof.bench import planted_project
from tests.proof.planted_runs import run_beside
from tests.proof.record import Steps, publish

SHARES, SWITCHES_S = (0.2, 0.5, 1.0), (0.1, 1.0, 10.0)
RUNS_MILD, RUNS = 5, 2  # of each truth: at a fifth of the core nine of ten must be decided
KINDS = {
    "benchmark": ("slower-benchmark", planted_project, "at_least: 1.05", (2000, 2200)),
    "load": ("slower-work", without_database, "at_most: 0.952", (20_000, 22_000)),
}  # the steps of an equal and of a slower arm
RIGHT = {"slower": "CONFIRMED", "equal": "REFUTED"}
_DECIDED = ("CONFIRMED", "REFUTED")


def prove() -> bool:
    """Never decided wrongly; beside a neighbour at a fifth of the core nine of ten are decided."""
    steps = Steps("disturbances")
    holds = True
    lines = [
        'An arm that takes 10 % more steps, and one that takes as many, against "5 % slower": of a '
        "benchmark, and of a service under a closed load. The neighbour is kept on the target's "
        "core; while it is on, it works for its share of every 5 ms.",
        "",
        "| kind | neighbour | decided | wrong | void blocks | others used, at most | seconds |",
        "| --- " * 7 + "|",
    ]
    neighbours = [None, *(Neighbour(share, s) for share in SHARES for s in SWITCHES_S)]
    for kind in KINDS:
        for beside in neighbours:
            is_mild = beside is not None and beside.share == min(SHARES)
            runs = _runs(steps, kind, beside, RUNS_MILD if is_mild else RUNS)
            decided = [run for run in runs if run["verdict"] in _DECIDED]
            wrong = [run for run in decided if run["verdict"] != RIGHT[run["truth"]]]
            holds &= not wrong and (not is_mild or len(decided) >= 0.9 * len(runs))
            took = [run["took_s"] for run in runs]
            lines.append(
                f"| {kind} | {beside or 'none'} | {len(decided)} of {len(runs)} | {len(wrong)} "
                f"| {sum(run['voided'] for run in runs)} "
                f"| {max(run['other_cpu'] for run in runs):.2f} cores "
                f"| {min(took):.0f} to {max(took):.0f} |"
            )
    publish("disturbances", "Neighbours on the target's core", lines, steps)
    return holds


def _runs(
    steps: Steps, kind: str, beside: Neighbour | None, count: int
) -> Sequence[dict[str, Any]]:
    """So many runs of each truth."""
    found = []
    for truth in RIGHT:
        for seed in range(1, count + 1):
            key = f"{kind} {truth} beside {beside or 'none'}: run {seed}"
            run = steps.do(key, partial(run_one, kind, truth, seed, beside))
            found.append({**run, "truth": truth})
    return found


def run_one(kind: str, truth: str, seed: int, beside: Neighbour | None) -> dict[str, Any]:
    """One run of the real command."""
    name, make_project, bound, (equal, slower) = KINDS[kind]
    text = (SLICES / f"{name}.md").read_text()
    text = text.replace("CLAIM", "the other arm is slower by 5 %").replace("BOUND", bound)
    text = text.replace("VALUE", str(slower if truth == "slower" else equal))
    return run_beside(make_project, text, name, seed, beside)
