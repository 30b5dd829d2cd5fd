"""The shipped claim while something else is the bottleneck: it must be refuted."""

from __future__ import annotations

from functools import partial

from tests.proof.record import Steps, publish
from tests.runs import ROOT, run_lab

CASES = ("planted-blocked-loop", "planted-hot-row", "planted-database-cpu")
RUNS = 5


def prove() -> bool:
    """Five runs each: never CONFIRMED, at least four REFUTED."""
    steps = Steps("planted")
    holds = True
    lines = [
        "| planted bottleneck | verdicts | wide / narrow | short-hold / narrow |",
        "| --- " * 4 + "|",
    ]
    for case in CASES:
        path = str(ROOT / "tests" / "planted" / f"{case}.md")
        runs = [
            steps.do(
                f"{case} {seed}",
                partial(run_lab, path, f"--seed={seed}", "--no-profile"),
            )
            for seed in range(1, RUNS + 1)
        ]
        verdicts = [run.get("verdict", f"exit code {run['code']}") for run in runs]
        holds &= verdicts.count("CONFIRMED") == 0 and verdicts.count("REFUTED") >= RUNS - 1
        ratios = [
            ", ".join(
                f"{run['estimates'][key][0]:.2f}"
                for run in runs
                if run.get("estimates", {}).get(key, [None])[0] is not None
            )
            for key in ("throughput wide / narrow", "throughput short-hold / narrow")
        ]
        counted = ", ".join(f"{verdicts.count(v)} {v}" for v in dict.fromkeys(verdicts))
        lines.append(f"| {case.removeprefix('planted-')} | {counted} | {ratios[0]} | {ratios[1]} |")
    publish(
        "planted",
        "Planted bottlenecks: the claim while something else is the bottleneck",
        lines,
        steps,
    )
    return holds
