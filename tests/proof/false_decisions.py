"""How often equal arms are called different if they are measured in slices."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lab.hypothesis import Hypothesis, loads
from lab.trials.plan import ALPHA, FIRST_LOOK, LAST_LOOK, draw
from lab.trials.trial import BenchmarkEvidence, Timing, Trial
from lab.verdict.record import Outcome
from lab.verdict.rule import judge
from tests.planted_services import SLICES, sample
from tests.proof import bench_slices, slices_load
from tests.proof.bench import planted_project
from tests.proof.record import Steps, at_most, publish
from tests.proof.recorded_blocks import log_ratios, outcome, run_text

LABELLINGS = 10_000
RUNS = 30  # whole ones
BLOCKS = 200  # of each kind
LOAD_RUNS = 5  # beside those of `slices-load`


@dataclass(frozen=True)
class Benchmark:
    """A benchmark of equal arms, as a whole run of the lab."""

    make_project: Callable[[Path], Path]
    hypothesis: str
    runs: int

    @property
    def text(self) -> str:
        """The file that describes it."""
        return (SLICES / f"{self.hypothesis}.md").read_text()


BENCHMARKS = {
    "planted steps": Benchmark(planted_project, "equal-benchmark", 7),
    "query": Benchmark(sample, "equal-query", 6),  # a database for each arm, fresh in each block
}
Blocks = Mapping[str, Sequence[float]]  # log ratios by subject


def prove() -> bool:
    """At most alpha + 3 standard errors, by the rule that gives the verdict."""
    steps = Steps("false-decisions")
    runs = whole_runs(steps)
    kinds = {"benchmark": benchmark_blocks(steps, runs), "load": load_blocks(runs)}
    limit = most(LABELLINGS)
    lines = [
        "Bound 1.00 between equal arms, measured in slices: every decision is false. "
        f"**Blocks**: {LAST_LOOK} of the recorded ones of a subject are drawn, the labels of the "
        "arms in each by a coin, and the run that they make is judged as any other, "
        f"{LABELLINGS:,} times for each subject, and for each kind with the subjects in proportion "
        f"to their blocks (limit alpha + 3 standard errors = {limit:.4f}). Rates of a single "
        "subject depend on the few blocks that it has; those of a kind must be within the limit.",
        "",
        "| kind | subject | blocks | called greater | called smaller |",
        "| --- " * 5 + "|",
    ]
    holds = True
    for kind, blocks in kinds.items():
        rows: dict[str, Blocks] = {name: {name: blocks[name]} for name in blocks}
        for name, drawn_from in {**rows, "all": blocks}.items():
            count = sum(map(len, drawn_from.values()))
            rates = false_decisions(drawn_from)
            holds &= name != "all" or max(rates.values()) <= limit
            lines.append(
                f"| {kind} | {name} | {count} | {rates['supported']:.4f} "
                f"| {rates['contradicted']:.4f} |"
            )
        holds &= sum(map(len, blocks.values())) >= BLOCKS
    seen = Counter(run["outcome"] for run in runs.values())
    limit = most(len(runs))
    holds &= len(runs) >= RUNS
    holds &= max(seen["supported"], seen["contradicted"]) <= limit * len(runs)
    lines += [
        "",
        f"**Whole runs of the lab**: {len(runs)}, of which {seen['supported']} called the second "
        f"arm greater and {seen['contradicted']} smaller (limit {limit:.3f} on each side). "
        f"Looks after each block from {FIRST_LOOK} to {LAST_LOOK}, nominal alpha {ALPHA:g} a side.",
    ]
    publish("false-decisions", "Slices: how often equal arms are called different", lines, steps)
    return holds


def most(count: int) -> float:
    """The share of false decisions on one side that is allowed of so many."""
    return ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / count)


def whole_runs(steps: Steps) -> dict[str, dict[str, Any]]:
    """Whole runs in slices by name: those of `slices-load`, benchmarks, and more of one load."""
    runs: dict[str, dict[str, Any]] = {}
    earlier = Steps("slices-load")
    for name in slices_load.SUBJECTS:
        found = slices_load.recorded(earlier, name)[slices_load.IN_SLICES]
        runs |= {f"load: {name}: {number}": run for number, run in enumerate(found, 1)}
    steps.where += earlier.where
    for name, benchmark in BENCHMARKS.items():
        for seed in range(1, at_most(benchmark.runs) + 1):
            run = steps.do(f"{name} {seed}", partial(equal_benchmarks, benchmark, seed))
            runs[f"benchmark: {name}: {seed}"] = run
    name, first = next(iter(slices_load.SUBJECTS)), slices_load.MOST_RUNS + 1
    for seed in range(first, first + at_most(LOAD_RUNS)):
        subject = slices_load.SUBJECTS[name]
        work = partial(slices_load.record, subject, slices_load.IN_SLICES, seed)
        runs[f"load: {name}: {seed}"] = steps.do(f"load {seed}", work)
    return runs


def equal_benchmarks(benchmark: Benchmark, seed: int) -> dict[str, Any]:
    """One whole run of a benchmark with equal arms."""
    with tempfile.TemporaryDirectory() as folder:
        project = benchmark.make_project(Path(folder))
        run_folder, hypothesis = run_text(project, benchmark.hypothesis, benchmark.text, seed)
        found = outcome(run_folder)
        return {
            "logs": [round(each, 6) for each in log_ratios(run_folder, hypothesis)],
            "outcome": next(iter(found["estimates"].values()))[3],
            **{key: found[key] for key in ("verdict", "voided", "elapsed_s", "measuring_s")},
        }


def benchmark_blocks(steps: Steps, runs: Mapping[str, Mapping[str, Any]]) -> Blocks:
    """The log ratios of benchmarks: those of `slices-benchmark`, and of the whole runs."""
    earlier = Steps("slices-benchmark")
    blocks = {
        name: [after for _, after in bench_slices.recorded(earlier, name, subject)]
        for name, subject in bench_slices.SUBJECTS.items()
    }
    steps.where += earlier.where
    return {**blocks, **_by_subject(runs, "benchmark")}


def load_blocks(runs: Mapping[str, Mapping[str, Any]]) -> Blocks:
    """The log ratios of loads."""
    return _by_subject(runs, "load")


def _by_subject(runs: Mapping[str, Mapping[str, Any]], kind: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for key, run in runs.items():
        of, subject, _ = key.split(": ")
        if of == kind:
            found.setdefault(subject, []).extend(run["logs"])
    return found


def false_decisions(blocks: Blocks, labellings: int = LABELLINGS) -> dict[str, float]:
    """The shares of runs of recorded blocks with random labels that are decided, by outcome."""
    rule = judged_by_the_lab()
    seen = Counter(rule(run) for run in relabelled(blocks, labellings))
    return {name: seen[name] / labellings for name in ("supported", "contradicted")}


def relabelled(blocks: Blocks, labellings: int) -> Iterator[Sequence[float]]:
    """Log ratios of runs: blocks of one subject without repetition, each with a random sign."""
    rng = np.random.default_rng(1)
    values = [np.array(subject) for subject in blocks.values()]
    shares = np.array([len(subject) for subject in values], dtype=float)
    for index in rng.choice(len(values), labellings, p=shares / shares.sum()):
        drawn = rng.choice(values[index], LAST_LOOK, replace=False)
        yield (drawn * rng.choice([-1.0, 1.0], LAST_LOOK)).tolist()


def judged_by_the_lab() -> Callable[[Sequence[float]], Outcome]:
    """What the lab makes of the log ratios of a run's blocks: the outcome of its prediction."""
    hypothesis = _equal_arms()
    plan = draw(hypothesis, 1, "local")

    def outcome_of_run(logs: Sequence[float]) -> Outcome:
        trials = [
            Trial(block, 1, arm, 0.0, 0.0, repeat=launch, evidence=_timed(value))
            for block, log in enumerate(logs, 1)
            for arm, value in (("first", 1.0), ("second", math.exp(log)))
            for launch in range(1, plan.trials_of_each_step + 1)
        ]
        return judge(hypothesis, plan, trials).predictions[0].outcome

    return outcome_of_run


def _equal_arms() -> Hypothesis:
    text = BENCHMARKS["planted steps"].text
    with tempfile.TemporaryDirectory() as folder:
        project = planted_project(Path(folder))
        hypothesis = loads(text, project / "hypotheses" / "equal-benchmark.md", project)
        shutil.rmtree(project / "hypotheses")
    return hypothesis


def _timed(value_s: float) -> BenchmarkEvidence:
    return BenchmarkEvidence(Timing("median", 1, 1, value_s, value_s))
