"""What a benchmark's report shows: every process with its rounds, growth, exact counts."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.analysis.complexity import fit_scaling
from lab.hypothesis import MAX_CONSTANT_FACTOR, Benchmark
from lab.number_format import MISSING, low_to_high, percentage, plain, seconds
from lab.reporting.tables import Evidence, Table
from lab.run_folder import RunFolder
from lab.stats.power_law import PowerLaw
from lab.trial import BenchmarkEvidence, Timing, Trial


@dataclass(frozen=True)
class Process:
    """The rounds of one process in a few numbers, seconds per call."""

    block: int
    counted: bool
    low: float  # the fastest round
    quarter: float
    middle: float
    three_quarters: float
    high: float  # the 95th percentile: single rounds may be a thousand times as slow


@dataclass(frozen=True)
class ComplexityView:
    """Time by size of one arm: a point for each block, and the curve through their means."""

    sizes: tuple[float, ...]
    points: tuple[tuple[float, ...], ...]  # per size, a value for each block that counts
    fitted: PowerLaw | None  # None where nothing grows

    @property
    def words(self) -> str:
        """The curve in a few words."""
        if self.fitted is None:
            return f"grows by less than {percentage(MAX_CONSTANT_FACTOR - 1)}"
        return (
            f"{seconds(self.fitted.overhead)} + "
            f"{seconds(self.fitted.scale)} × n^{self.fitted.exponent:.2f}"
        )


@dataclass(frozen=True)
class BenchmarkView:
    """A benchmark, ready to be drawn."""

    parameter: str | None
    statistic: str
    processes: Mapping[str, Mapping[str, Sequence[Process]]]  # level (or "") -> arm
    growth: Mapping[str, ComplexityView]
    steps: Table
    counts: Table

    @property
    def rounds_words(self) -> str:
        """What the picture of the rounds shows."""
        return (
            "Each bar is one process: half of its rounds lie within it, the thin line goes from "
            "the fastest round to the 95th percentile, the tick is the median. Hollow: does not "
            "count."
        )

    @property
    def growth_words(self) -> str:
        """What the pictures of growth show."""
        told = "; ".join(f"{arm} {growth.words}" for arm, growth in self.growth.items())
        return f"Time by {self.parameter}, the curve fitted to the means over blocks: {told}."


def collect(run_folder: RunFolder, evidence: Evidence) -> BenchmarkView | None:
    """Gather it from a run's folder; None where the run is no benchmark."""
    benchmark = evidence.hypothesis.kind
    if not isinstance(benchmark, Benchmark):
        return None
    parameter = None if benchmark.parameter is None else benchmark.parameter.name
    return BenchmarkView(
        parameter=parameter,
        statistic={"min": "minimum", "median": "median"}[benchmark.statistic],
        processes=_processes(run_folder, evidence),
        growth=_growth(evidence) if parameter else {},
        steps=_steps(evidence, parameter),
        counts=_counts(evidence, parameter),
    )


def _level(level: float | None) -> str:
    return "" if level is None else f"{level:,.12g}"


def _processes(run_folder: RunFolder, evidence: Evidence) -> dict[str, dict[str, list[Process]]]:
    counted = {trial.block for trial in evidence.counted}
    found: dict[str, dict[str, list[Process]]] = {
        _level(level): {arm: [] for arm in evidence.arms} for level in evidence.hypothesis.levels
    }
    for trial in evidence.trials:
        rounds = run_folder.rounds(trial)
        if not rounds or _timing(trial) is None:
            continue
        found[_level(trial.level)][trial.arm].append(_process(trial, rounds, counted))
    return found


def _process(trial: Trial, rounds: Sequence[float], counted: set[int]) -> Process:
    ordered = sorted(rounds)

    def at(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    median = statistics.median(ordered)
    return Process(
        trial.block, trial.block in counted, ordered[0], at(0.25), median, at(0.75), at(0.95)
    )


def _growth(evidence: Evidence) -> dict[str, ComplexityView]:
    sizes = tuple(level for level in evidence.hypothesis.levels if level is not None)
    found = {}
    for arm in evidence.arms:
        points = tuple(_block_means(evidence, arm, size) for size in sizes)
        if not all(points):
            continue
        means = [math.exp(statistics.fmean(map(math.log, own))) for own in points]
        fitted = fit_scaling(sizes, means) if len(sizes) >= 4 else None
        found[arm] = ComplexityView(sizes, points, fitted)
    return found


def _timing(trial: Trial) -> Timing | None:
    return trial.evidence.timing if isinstance(trial.evidence, BenchmarkEvidence) else None


def _counted_by(trial: Trial) -> Mapping[str, int]:
    return trial.evidence.counts if isinstance(trial.evidence, BenchmarkEvidence) else {}


def _counted(evidence: Evidence, arm: str, level: float | None) -> list[Trial]:
    return [t for t in evidence.counted if (t.arm, t.level) == (arm, level)]


def _block_means(evidence: Evidence, arm: str, level: float | None) -> tuple[float, ...]:
    by_block: dict[int, list[float]] = {}
    for trial in _counted(evidence, arm, level):
        if (timing := _timing(trial)) is not None:
            by_block.setdefault(trial.block, []).append(timing.value_s)
    return tuple(statistics.fmean(own) for own in by_block.values())


def _steps(evidence: Evidence, parameter: str | None) -> Table:
    rows = []
    for arm in evidence.arms:
        for level in evidence.hypothesis.levels:
            own = _counted(evidence, arm, level)
            timings = [timing for trial in own if (timing := _timing(trial)) is not None]
            rows.append(
                (
                    arm,
                    *((_level(level),) if parameter else ()),
                    str(len(timings)),
                    low_to_high(plain, [float(timing.rounds) for timing in timings]),
                    low_to_high(plain, [float(timing.iterations) for timing in timings]),
                    low_to_high(seconds, [timing.min_s for timing in timings]),
                    low_to_high(seconds, [timing.median_s for timing in timings]),
                )
            )
    head = (
        "arm", *((parameter,) if parameter else ()), "processes", "rounds", "calls a round",
        "minimum", "median",
    )  # fmt: skip
    return Table(head, tuple(rows), "l" + "r" * (len(head) - 1))


def _counts(evidence: Evidence, parameter: str | None) -> Table:
    names = sorted({name for trial in evidence.trials for name in _counted_by(trial)})
    rows = []
    for arm in evidence.arms if names else ():
        for level in evidence.hypothesis.levels:
            own = [t for t in evidence.trials if (t.arm, t.level) == (arm, level) and _timing(t)]
            seen = [
                " or ".join(
                    str(count)
                    for count in sorted(
                        {_counted_by(trial)[name] for trial in own if name in _counted_by(trial)}
                    )
                )
                for name in names
            ]
            rows.append(
                (arm, *((_level(level),) if parameter else ()), str(len(own)),
                 *(count or MISSING for count in seen))
            )  # fmt: skip
    head = ("arm", *((parameter,) if parameter else ()), "processes", *names)
    return Table(head, tuple(rows), "l" + "r" * (len(head) - 1))
