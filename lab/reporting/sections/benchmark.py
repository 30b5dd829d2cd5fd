"""A benchmark: the timed loops of every process, time by size, exact counts."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.analysis.benchmark_scaling import fit_scaling
from lab.hypothesis import Benchmark
from lab.hypothesis.validation.sweep_levels import MIN_SIZES
from lab.measures.number_format import MISSING, low_to_high, percentage, plain, seconds
from lab.reporting.measure_wording import STATISTIC_NAMES
from lab.reporting.table import Table
from lab.reporting.trials_of_run import RunTrials
from lab.runs.run_folder import RunFolder
from lab.stats.power_law import PowerLaw
from lab.trials.trial import BenchmarkEvidence, Timing, Trial


@dataclass(frozen=True)
class ProcessRounds:
    """The distribution of the timed loops of one process, seconds per call."""

    block: int
    counted: bool
    minimum: float
    quartile_1: float
    median: float
    quartile_3: float
    p95: float  # in place of the maximum: single loops may be a thousand times as slow


@dataclass(frozen=True)
class TimeBySize:
    """One arm's time at every size."""

    sizes: tuple[float, ...]
    block_means: tuple[tuple[float, ...], ...]  # per size, a value for each block that counts
    fitted: PowerLaw | None  # to the means over blocks; None if nothing grows, or too few sizes
    max_constant_factor: float  # up to which it counts as no growth

    @property
    def formula(self) -> str:
        """The fitted curve in a few words, if there are enough sizes for one."""
        if self.fitted is None:
            return f"grows by less than {percentage(self.max_constant_factor - 1)}"
        return (
            f"{seconds(self.fitted.overhead)} + "
            f"{seconds(self.fitted.scale)} × n^{self.fitted.exponent:.2f}"
        )


@dataclass(frozen=True)
class BenchmarkSection:
    """What a report shows of a benchmark alone."""

    parameter: str | None
    statistic: str
    processes: Mapping[str, Mapping[str, Sequence[ProcessRounds]]]  # level (or "") -> arm
    times_by_size: Mapping[str, TimeBySize]  # by arm; empty without a parameter
    timings: Table
    counts: Table
    groups: int  # the most in which the processes of a block were alive: 1 if all at once

    @property
    def groups_note(self) -> str:
        """How the processes of a block were divided, if memory did not permit all at once."""
        if self.groups <= 1:
            return ""
        return (
            " There were too many processes, or too little memory, for all of a block at once: "
            f"they were measured in up to {self.groups} groups, one after the other. Only "
            "processes of the same group were measured in turn."
        )

    @property
    def has_rounds(self) -> bool:
        """Whether the loops of any process were kept."""
        return any(any(own.values()) for own in self.processes.values())

    @property
    def rounds_caption(self) -> str:
        """What the chart of the loops shows."""
        return (
            "A timed loop is one or more calls. Each bar is one process and spans the middle half "
            "of its loops. The thin line goes from the fastest loop to the 95th percentile. The "
            f"tick is the median. Hollow bars do not count.{self.groups_note}"
        )

    @property
    def has_curves(self) -> bool:
        """Whether there are enough sizes to fit a curve; they are the same for every arm."""
        return all(len(own.sizes) >= MIN_SIZES for own in self.times_by_size.values())

    @property
    def size_caption(self) -> str:
        """What the charts of time by size show."""
        if not self.has_curves:
            return f"Each marker is a block. A curve needs at least {MIN_SIZES} sizes."
        formulas = "; ".join(f"{arm} {own.formula}" for arm, own in self.times_by_size.items())
        return f"Curves are fitted to the means over blocks: {formulas}."


def benchmark_section(run_folder: RunFolder, trials: RunTrials) -> BenchmarkSection | None:
    """The processes of a benchmark; None if the run is no benchmark."""
    benchmark = trials.hypothesis.kind
    if not isinstance(benchmark, Benchmark):
        return None
    parameter = None if benchmark.parameter is None else benchmark.parameter.name
    return BenchmarkSection(
        parameter=parameter,
        statistic=STATISTIC_NAMES[benchmark.statistic],
        processes=_processes(run_folder, trials),
        times_by_size=_times_by_size(trials) if parameter else {},
        timings=_timings(trials, parameter),
        counts=_counts(trials, parameter),
        groups=max((each.group for each in map(_evidence, trials.all) if each), default=1),
    )


def _level(level: float | None) -> str:
    return "" if level is None else f"{level:,.12g}"


def _processes(
    run_folder: RunFolder, trials: RunTrials
) -> dict[str, dict[str, list[ProcessRounds]]]:
    found: dict[str, dict[str, list[ProcessRounds]]] = {
        _level(level): {arm: [] for arm in trials.arms} for level in trials.hypothesis.levels
    }
    counted = trials.counted_blocks
    for trial in trials.all:
        rounds = run_folder.rounds(trial)
        if rounds and _timing(trial) is not None:
            process = _rounds(trial.block, trial.block in counted, rounds)
            found[_level(trial.level)][trial.arm].append(process)
    return found


def _rounds(block: int, counted: bool, rounds: Sequence[float]) -> ProcessRounds:
    ordered = sorted(rounds)

    def at(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    median = statistics.median(ordered)
    return ProcessRounds(block, counted, ordered[0], at(0.25), median, at(0.75), at(0.95))


def _times_by_size(trials: RunTrials) -> dict[str, TimeBySize]:
    sizes = tuple(level for level in trials.hypothesis.levels if level is not None)
    largest = trials.margins.growth.max_constant_factor
    found = {}
    for arm in trials.arms:
        block_means = tuple(_block_means(trials, arm, size) for size in sizes)
        if not all(block_means):
            continue
        means = [math.exp(statistics.fmean(map(math.log, own))) for own in block_means]
        enough = len(sizes) >= MIN_SIZES
        fitted = fit_scaling(sizes, means, trials.margins.growth) if enough else None
        found[arm] = TimeBySize(sizes, block_means, fitted, largest)
    return found


def _block_means(trials: RunTrials, arm: str, level: float | None) -> tuple[float, ...]:
    by_block: dict[int, list[float]] = {}
    for trial in _at(trials.counted, arm, level):
        if (timing := _timing(trial)) is not None:
            by_block.setdefault(trial.block, []).append(timing.value_s)
    return tuple(statistics.fmean(own) for own in by_block.values())


def _at(trials: Sequence[Trial], arm: str, level: float | None) -> list[Trial]:
    return [trial for trial in trials if (trial.arm, trial.level) == (arm, level)]


def _evidence(trial: Trial) -> BenchmarkEvidence | None:
    return trial.evidence if isinstance(trial.evidence, BenchmarkEvidence) else None


def _timing(trial: Trial) -> Timing | None:
    evidence = _evidence(trial)
    return None if evidence is None else evidence.timing


def _timings(trials: RunTrials, parameter: str | None) -> Table:
    """A row for each arm and size: lowest to highest process that counts."""
    rows = []
    in_slices = any(each.slices for each in map(_evidence, trials.all) if each)
    for arm in trials.arms:
        for level in trials.hypothesis.levels:
            found = [each for each in map(_evidence, _at(trials.counted, arm, level)) if each]
            timings = [each.timing for each in found]
            slices = low_to_high(plain, [float(len(each.slices)) for each in found])
            rows.append(
                (
                    *(arm, *((_level(level),) if parameter else ()), str(len(timings))),
                    *((slices,) if in_slices else ()),
                    low_to_high(plain, [float(timing.rounds) for timing in timings]),
                    low_to_high(plain, [float(timing.iterations) for timing in timings]),
                    low_to_high(seconds, [timing.min_s for timing in timings]),
                    low_to_high(seconds, [timing.median_s for timing in timings]),
                )
            )
    head = (
        *("arm", *((parameter,) if parameter else ()), "processes"),
        *(("slices",) if in_slices else ()),
        *("loops", "calls per loop", "minimum", "median"),
    )
    return Table(head, tuple(rows), "l" + "r" * (len(head) - 1))


def _counts(trials: RunTrials, parameter: str | None) -> Table:
    """A row for each arm and size: what the benchmark itself counted, in any process."""
    names = sorted({name for trial in trials.all for name in _trial_counts(trial)})
    rows = []
    for arm in trials.arms if names else ():
        for level in trials.hypothesis.levels:
            own = [trial for trial in _at(trials.all, arm, level) if _timing(trial)]
            rows.append(
                (
                    *(arm, *((_level(level),) if parameter else ()), str(len(own))),
                    *(_values_of(name, own) or MISSING for name in names),
                )
            )
    head = ("arm", *((parameter,) if parameter else ()), "processes", *names)
    return Table(head, tuple(rows), "l" + "r" * (len(head) - 1))


def _values_of(name: str, trials: Sequence[Trial]) -> str:
    values = {counts[name] for trial in trials if name in (counts := _trial_counts(trial))}
    return " or ".join(str(value) for value in sorted(values))


def _trial_counts(trial: Trial) -> Mapping[str, int]:
    return trial.evidence.counts if isinstance(trial.evidence, BenchmarkEvidence) else {}
