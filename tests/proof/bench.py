"""Benchmarks: a slower twin found, growths distinguished."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from lab.hypothesis import loads
from lab.runs.run_folder import RunFolder
from lab.verdict.rule import judge
from tests.proof.record import Steps, publish
from tests.runs import ROOT, lab

PLANTED = ROOT / "tests" / "planted"
TWINS = 20
RUNS = 10  # of each planted growth
TRUTHS = {
    "constant": "constant",
    "logarithm": None,
    "slight-logarithm": None,
    "linear": "linear",
    "quadratic": "quadratic",
}
CLAIMS = ("constant", "linear", "quadratic")


def prove_planted() -> bool:
    """A twin that is 10 % slower, against "at least 1.05"."""
    steps = Steps("bench-planted")
    runs = [steps.do(f"run {seed}", partial(run_twin, seed)) for seed in range(1, TWINS + 1)]
    verdicts = Counter(run["verdict"] for run in runs)
    slowest = max(run["took_s"] for run in runs)
    lines = [
        f'A twin that takes 10 % more steps, {TWINS} runs against "at least 1.05": '
        + ", ".join(f"{count} {name}" for name, count in verdicts.most_common())
        + f". A run took {min(run['took_s'] for run in runs):.0f} to {slowest:.0f} s. Ratios: "
        + ", ".join("-" if run["ratio"] is None else f"{run['ratio']:.3f}" for run in runs)
        + ".",
    ]
    publish("bench-planted", "Benchmarks: a 10 % slower twin", lines, steps)
    return not verdicts["REFUTED"] and verdicts["CONFIRMED"] >= 0.9 * TWINS and slowest <= 120


def run_twin(seed: int) -> dict[str, Any]:
    """One run of the real command."""
    return run_planted((PLANTED / "slower-twin.md").read_text(), "slower-twin", seed)


def prove_growth() -> bool:
    """Growths distinguished: never confirmed for the wrong one, the right one 9 of 10."""
    steps = Steps("growth")
    lines = [
        f"Planted functions under an overhead, {RUNS} runs of each; sizes 64 to 16,384. A run "
        "tests the right claim (constant, of the logarithms); its trials are judged against the "
        "other claims as well, and if that leaves them open, they are run by themselves. "
        "C confirmed, R refuted, I inconclusive, V invalid.",
        "",
        "| planted | " + " | ".join(f"claimed {claim}" for claim in CLAIMS) + " | seconds a run |",
        "| --- " * (len(CLAIMS) + 2) + "|",
    ]
    holds = True
    for planted, truth in TRUTHS.items():
        runs = [
            steps.do(f"{planted} {seed}", partial(run_growth, planted, truth or "constant", seed))
            for seed in range(1, RUNS + 1)
        ]
        cells = []
        for claim in CLAIMS:
            seen = Counter(run["verdicts"][claim] for run in runs)
            holds &= seen["CONFIRMED"] >= 0.9 * RUNS if claim == truth else not seen["CONFIRMED"]
            letters = {"CONFIRMED": "C", "REFUTED": "R", "INCONCLUSIVE": "I", "INVALID": "V"}
            cells.append(" ".join(f"{n} {letters[name]}" for name, n in seen.most_common()))
        took = [run["took_s"] for run in runs]
        lines.append(f"| {planted} | {' | '.join(cells)} | {min(took):.0f} to {max(took):.0f} |")
    publish("growth", "Benchmarks: how growths are distinguished", lines, steps)
    return holds


def run_growth(planted: str, claim: str, seed: int) -> dict[str, Any]:
    """A run of one claim, and the verdict on each."""
    run = run_planted(growth_text(planted, claim), "growth", seed, CLAIMS)
    for other in CLAIMS:
        if run["verdicts"][other] is None:
            alone = run_planted(growth_text(planted, other), "growth", seed)
            run["verdicts"][other] = alone["verdict"]
    return {"took_s": run["took_s"], "blocks": run["blocks"], "verdicts": run["verdicts"]}


def growth_text(planted: str, claim: str) -> str:
    """The hypothesis that a planted function grows as claimed."""
    text = (PLANTED / "growth.md").read_text()
    return text.replace("PLANTED", planted).replace("PREDICTED", claim)


def run_planted(text: str, name: str, seed: int, claims: tuple[str, ...] = ()) -> dict[str, Any]:
    """`lab run` of a hypothesis in a project of its own: verdict, estimate and time.

    Its trials are judged against each of `claims` besides.
    """
    with tempfile.TemporaryDirectory() as folder:
        project = planted_project(Path(folder))
        file = project / "hypotheses" / f"{name}.md"
        file.write_text(text)
        began = time.monotonic()
        done = lab("run", name, "--seed", str(seed), "--no-profile", project=project)
        took_s = round(time.monotonic() - began, 1)
        run = project / "reports" / name / "latest"
        if not (run / "verdict.json").is_file():
            raise RuntimeError(done.stderr or done.stdout)
        verdict = json.loads((run / "verdict.json").read_text())
        judged = {claim: rejudged(run, file, text, claim) for claim in claims}
    return {
        "verdict": verdict["verdict"],
        "ratio": verdict["predictions"][0]["estimate"],
        "blocks": verdict["blocks"],
        "took_s": took_s,
        "verdicts": judged,
    }


def rejudged(run: Path, file: Path, text: str, claim: str) -> str | None:
    """The verdict that a run's trials would give another claim; None where they leave it open."""
    run_folder = RunFolder.open(run)
    other = re.sub(r"grows: \w+", f"grows: {claim}", text)
    hypothesis = loads(other, file, file.parent.parent)
    return judge(hypothesis, run_folder.plan(), run_folder.trials()).verdict


def planted_project(folder: Path) -> Path:
    """A project that holds the planted benchmark and nothing else."""
    for part in ("hypotheses", "scenarios"):
        (folder / part).mkdir()
    shutil.copy(PLANTED / "bench_planted.py", folder / "scenarios")
    return folder
