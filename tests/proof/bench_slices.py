"""Benchmarks of equal arms: how far a block scatters in slices and without, and what is called.

Without slices is how it was before: the mean of three fresh processes of each arm, one after the
other in random order, each of which measures once. In slices it is as in a run: launches with a
process of each arm. Both ways measure for the same time, and their blocks are taken in turn.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import fmean

import numpy as np

from lab.analysis.sliced_values import paired_ratio
from lab.hypothesis import SLICE_S, Statistic, Step
from lab.instruments.benchmark_file import BenchmarkFile
from lab.instruments.benchmark_group import BenchmarkGroup
from lab.instruments.benchmark_process import BenchmarkProcess, Measured, stop_together
from lab.machine.cpu_pinning import divide_cores
from lab.machine.run_lock import machine_lock
from lab.processes.child_processes import Children
from lab.targets.benchmark_target import BenchmarkTarget
from lab.trials.plan import ALPHA, FIRST_LOOK, LAST_LOOK, MIN_LAUNCHES
from lab.trials.trial import BenchmarkEvidence, Trial
from tests.oracles import simulation
from tests.proof.record import Steps, publish
from tests.runs import ROOT

BLOCKS, STEP = 40, 10  # of each way and subject; so many are recorded together
PROCESSES = 3  # of each arm, without slices
LABELLINGS = 10_000
TIMES_SMALLER = 8.0
FIRST, SECOND = Step("first"), Step("second")


@dataclass(frozen=True)
class Subject:
    """A benchmark, and the settings of both arms."""

    node: str
    settings: Mapping[str, str]
    statistic: Statistic
    window_s: float  # of each process, without slices
    database: bool = True


SUBJECTS = {
    "serializer": Subject(
        "scenarios/bench_serializer.py::test_list", {"RESPONSE_VALIDATION": "true"}, "median", 0.2
    ),
    "pagination at depth 0": Subject(
        "scenarios/bench_pagination.py::test_page[0]", {"PAGING": "offset"}, "median", 0.15
    ),
    "fingerprint of 64 lines": Subject(
        "scenarios/bench_fingerprint.py::test_fingerprint[64]",
        {"PART": "whole"}, "min", 0.15, database=False,
    ),
}  # fmt: skip


class Bench:
    """Measures blocks of two equal arms of one subject, in both ways."""

    def __init__(self, subject: Subject, file: BenchmarkFile, target: BenchmarkTarget) -> None:
        self._subject = subject
        self._file = file
        self._target = target

    def renew(self) -> None:
        """Fresh databases for a new block, as in a run with a bound near no difference."""
        self._target.renew()

    def without_slices(self, order: random.Random) -> float:
        """The log ratio of a block, from three processes of each arm."""
        logs: dict[Step, list[float]] = {FIRST: [], SECOND: []}
        for _ in range(PROCESSES):
            for step in order.sample((FIRST, SECOND), 2):
                logs[step].append(math.log(self._alone(step).timing.value_s))
        return fmean(logs[SECOND]) - fmean(logs[FIRST])

    def in_slices(self, order: random.Random) -> float:
        """The log ratio of a block, from one process of each arm in each launch."""
        return fmean(self._launch(order) for _ in range(MIN_LAUNCHES))

    def _launch(self, order: random.Random) -> float:
        """The log ratio of two processes that measure in turn."""
        count = round(PROCESSES * self._subject.window_s / SLICE_S / MIN_LAUNCHES)
        with BenchmarkGroup(self._file, self._start) as group:
            group.start([(FIRST, SECOND)])
            for _ in group.measure(SLICE_S, count, order, 1):
                pass
            found = group.finish(self._subject.statistic)
        first, second = (
            Trial(1, 1, step.arm, 0.0, 0.0, evidence=BenchmarkEvidence(
                measured.timing, slices=measured.slices
            ))
            for step, measured in ((step, found[step]) for step in (FIRST, SECOND))
        )  # fmt: skip
        ratio = paired_ratio(first, second, "time", {})
        assert ratio is not None
        return math.log(ratio)

    def _start(self, step: Step) -> BenchmarkProcess:
        settings = {**self._subject.settings, **self._target.environment(step)}
        return self._file.start(self._subject.node, step, settings)

    def _alone(self, step: Step) -> Measured:
        """A process that measures once, for the whole window."""
        process = self._start(step)
        try:
            process.wait_until_held()
            process.pin(self._file.cores.target)
            process.calibrate(SLICE_S)
            process.measure(self._subject.window_s, 1, self._subject.window_s)
            process.finish()
            return process.measured(self._subject.statistic)
        finally:
            stop_together(self._file.children, [process])


def prove() -> bool:
    """The scatter of blocks of equal arms in both ways, and how often they are called different."""
    steps = Steps("slices-benchmark")
    limit = ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / LABELLINGS)
    lines = [
        f"Equal arms, {BLOCKS} blocks of each way, taken in turn, the same measured time in both. "
        f"Without slices: a block is the mean of {PROCESSES} fresh processes of each arm, one "
        "after the other. In slices: a process of each arm, which measure in turn for "
        f"{SLICE_S * 1000:g} ms in random order; a block is the median of the paired log ratios, "
        f"averaged over {MIN_LAUNCHES} such launches. "
        "Standard deviation of the log ratio of a block, and the share of false decisions at "
        f"bound 1.00 if the labels of the arms are drawn anew {LABELLINGS:,} times "
        f"({LAST_LOOK} blocks of the {BLOCKS}; limit {limit:.4f}).",
        "",
        "| subject | sd without slices | sd in slices | times smaller | mean in slices "
        "| called greater | called smaller |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    missed: list[str] = []
    for name, subject in SUBJECTS.items():
        before, after = np.array(recorded(steps, name, subject)).T
        ratio = float(before.std(ddof=1) / after.std(ddof=1))
        rates = simulation.false_decision_rate(
            relabelled(after, np.random.default_rng(1)),
            alpha=ALPHA, first=FIRST_LOOK, last=LAST_LOOK,
        )  # fmt: skip
        false = max(rates.supported, rates.contradicted)
        if ratio < TIMES_SMALLER:
            missed.append(f"{name}: {ratio:.1f} times smaller, aim {TIMES_SMALLER:g}")
        if false > limit:
            missed.append(f"{name}: false decisions {false:.4f}, limit {limit:.4f}")
        lines.append(
            f"| {name} | {before.std(ddof=1):.4f} | {after.std(ddof=1):.4f} | {ratio:.1f} "
            f"| {after.mean():+.4f} ± {after.std(ddof=1) / math.sqrt(BLOCKS):.4f} "
            f"| {rates.supported:.4f} | {rates.contradicted:.4f} |"
        )
    lines += ["", *(f"- does not hold: {each}" for each in missed)] if missed else []
    publish("slices-benchmark", "Benchmarks: equal code called different", lines, steps)
    return not missed


def recorded(steps: Steps, name: str, subject: Subject) -> list[tuple[float, float]]:
    """The log ratios of the blocks without slices and in slices."""
    found: list[tuple[float, float]] = []
    for first in range(0, BLOCKS, STEP):
        found += steps.do(f"{name} from {first + 1}", partial(record, subject, first))
    return found


def record(subject: Subject, first: int) -> list[tuple[float, float]]:
    """Some blocks of both ways, in random order within each pair of blocks."""
    with measuring(subject) as bench:
        found = []
        for block in range(first + 1, first + STEP + 1):
            bench.renew()
            order = random.Random(f"{subject.node}-{block}")
            ways = {"before": bench.without_slices, "after": bench.in_slices}
            values = {way: ways[way](order) for way in order.sample(sorted(ways), 2)}
            found.append((values["before"], values["after"]))
    return found


@contextmanager
def measuring(subject: Subject) -> Iterator[Bench]:
    """What measures a subject, with a database if it needs one."""
    cores = divide_cores()
    with machine_lock(None), Children() as children:
        target = BenchmarkTarget(children, cores, None, subject.database)
        try:
            target.start((FIRST, SECOND))
            scenario = subject.node.partition("::")[0]
            yield Bench(subject, BenchmarkFile(children, ROOT, cores, scenario), target)
        finally:
            target.stop()


def relabelled(blocks: np.ndarray, rng: np.random.Generator) -> simulation.Values:
    """Runs of blocks that are drawn without replacement, the arms of each with random labels."""
    order = np.argsort(rng.random((LABELLINGS, len(blocks))), axis=1)[:, :LAST_LOOK]
    return np.asarray(blocks[order] * rng.choice([-1.0, 1.0], order.shape))
