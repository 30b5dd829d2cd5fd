"""The shipped benchmarks are decided, always alike, within two minutes, most of them measured."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from lab.runs.run_folder import RunFolder
from lab.trials.trial import BenchmarkEvidence
from tests.proof.record import Steps, at_most, publish
from tests.runs import ROOT, run_lab

NAMES = ("pagination", "serializer", "fingerprint")
RUNS = 10
LIMIT_S, SHARE = 120.0, 0.5


def prove() -> bool:
    """Decided in all runs with the same outcome, within 120 s, half of the time measured."""
    steps = Steps("shipped-benchmarks")
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in NAMES}
    for seed in range(1, at_most(RUNS) + 1):
        for name in NAMES:
            runs[name].append(steps.do(f"{name} {seed}", partial(run, name, seed)))
    lines = [
        "Runs with different seeds. Seconds from the command to the verdict, without profiles; "
        "*measured* is the sum of all slices, of voided blocks as well.",
        "",
        "| hypothesis | runs | verdicts | same outcomes | blocks | voided | seconds | measured s "
        "| share measured |",
        "| --- " * 9 + "|",
    ]
    for name, found in runs.items():
        lines.append(row(name, found))
    publish("shipped-benchmarks", "The shipped benchmarks: verdicts and time", lines, steps)
    return all(map(keeps_its_promise, runs.values()))


def run(name: str, seed: int) -> dict[str, Any]:
    """One run of a shipped hypothesis, and for how long its slices lasted."""
    found = run_lab(name, f"--seed={seed}", "--no-profile")
    if "run" not in found:
        raise RuntimeError(found["said"])
    trials = RunFolder(ROOT / "reports" / name / found["run"]).trials()
    measured_s = sum(
        each.seconds
        for trial in trials
        if isinstance(trial.evidence, BenchmarkEvidence)
        for each in trial.evidence.slices
    )
    outcomes = [estimate[3] for estimate in found["estimates"].values()]
    kept = ("verdict", "reasons", "blocks", "voided", "elapsed_s", "measuring_s", "took_s")
    return {
        **{key: found[key] for key in kept},
        "outcomes": outcomes,
        "measured_s": round(measured_s, 3),
    }


def keeps_its_promise(runs: Sequence[dict[str, Any]]) -> bool:
    """Whether the runs of one hypothesis were decided alike, in time, and measured enough."""
    verdicts = {run["verdict"] for run in runs}
    return (
        len(verdicts) == 1
        and verdicts <= {"CONFIRMED", "REFUTED"}
        and all(run["elapsed_s"] <= LIMIT_S for run in runs)
        and all(share(run) >= SHARE for run in runs)
    )


def share(run: dict[str, Any]) -> float:
    """Of the time to the verdict, how much was measured."""
    return float(run["measured_s"] / run["elapsed_s"])


def row(name: str, runs: Sequence[dict[str, Any]]) -> str:
    """The line of one hypothesis."""
    verdicts = [run["verdict"] for run in runs]
    counted = ", ".join(f"{verdicts.count(v)} {v}" for v in dict.fromkeys(verdicts))
    alike = len({tuple(run["outcomes"]) for run in runs}) == 1
    cells = [
        counted,
        "yes" if alike else "no",
        _range([run["blocks"] for run in runs]),
        str(sum(run["voided"] for run in runs)),
        _range([run["elapsed_s"] for run in runs]),
        _range([run["measured_s"] for run in runs]),
        _range([100 * share(run) for run in runs]) + " %",
    ]
    return f"| {name} | {len(runs)} | {' | '.join(cells)} |"


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.0f} to {max(values):.0f}"
