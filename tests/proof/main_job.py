"""Ten runs in a row of the shipped experiment with different seeds."""

from __future__ import annotations

from functools import partial

from tests.proof.record import Steps, publish
from tests.runs import run_lab

NAME = "pool-exhaustion"
SEEDS = range(1, 11)


def prove() -> bool:
    """All CONFIRMED; a verdict at the fourth block comes within 100 s, half of them measured."""
    steps = Steps("main-job")
    runs = {
        seed: steps.do(f"seed {seed}", partial(run_lab, NAME, f"--seed={seed}", "--no-profile"))
        for seed in SEEDS
    }
    verdicts = [run.get("verdict") for run in runs.values()]
    lines = [
        "| seed | verdict | blocks | voided | command s | measured s | share "
        "| wide / narrow | short-hold / narrow | pool wait share | more-pricing / narrow |",
        "| --- " * 11 + "|",
    ]
    for seed, run in runs.items():
        if "verdict" not in run:
            lines.append(f"| {seed} | none: exit code {run['code']} |" + " |" * 9)
            continue
        estimates = [
            "-" if e[0] is None else f"{e[0]:.2f} [{_edge(e[1])} to {_edge(e[2])}]"
            for e in run["estimates"].values()
        ]
        lines.append(
            f"| {seed} | {run['verdict']} | {run['blocks']} | {run['voided']} "
            f"| {run['elapsed_s']:.0f} | {run['measuring_s']:.0f} "
            f"| {run['measuring_s'] / run['elapsed_s']:.0%} | {' | '.join(estimates)} |"
        )
    wrong = verdicts.count("REFUTED")
    confirmed = verdicts.count("CONFIRMED")
    lines += ["", f"{confirmed} of {len(runs)} CONFIRMED, {wrong} decided wrongly."]
    publish("main-job", "The main job: ten runs of pool-exhaustion", lines, steps)
    quick = [r for r in runs.values() if (r.get("blocks"), r.get("voided")) == (4, 0)]
    in_time = all(r["elapsed_s"] <= 100 and r["measuring_s"] >= 0.5 * r["elapsed_s"] for r in quick)
    return confirmed == len(runs) and in_time


def _edge(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
