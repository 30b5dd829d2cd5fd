"""All that a report shows, gathered once for every format."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab import verdict_wording
from lab.hypothesis import Benchmark, Hypothesis, LoadTest, MetricRatio, SoakTest
from lab.measures import counter, measure
from lab.number_format import low_to_high, percentage, plain, seconds
from lab.plan import Attempt, Plan
from lab.reporting import benchmark, sweep, tables, wording
from lab.reporting.benchmark import BenchmarkView
from lab.reporting.prediction_results import PredictionResult, findings, own_reasons
from lab.reporting.soak import SoakView
from lab.reporting.soak import collect as soak_view
from lab.reporting.sweep import SweepView
from lab.reporting.tables import Evidence, Table
from lab.reporting.timeline import Series, collect
from lab.run_folder import RunFolder
from lab.stats.histogram import Histogram
from lab.verdict_record import Verdict


@dataclass(frozen=True)
class ThroughputPoint:
    """An arm's throughput in one block."""

    block: int
    value: float
    counted: bool


@dataclass(frozen=True)
class BreakdownPart:
    """How much of an arm's time one thing took."""

    share: float
    part_s: float | None  # per request
    whole_s: float | None

    def __str__(self) -> str:
        if self.part_s is None or self.whole_s is None:
            return percentage(self.share)
        return (
            f"{percentage(self.share)} "
            f"({seconds(self.part_s)} of {seconds(self.whole_s)} a request)"
        )


@dataclass(frozen=True)
class Breakdown:
    """Where the time went, by arm, as far as one measured share tells."""

    name: str
    whole: str
    parts: Mapping[str, BreakdownPart]

    @property
    def words(self) -> str:
        """What the picture shows."""
        return _by_arm(
            f"{self.name.capitalize()} as a share of {self.whole}",
            {arm: str(part) for arm, part in self.parts.items()},
        )


@dataclass(frozen=True)
class View:
    """A finished run, ready to be drawn."""

    name: str
    run: str
    question: str
    claim: str
    facts: str
    verdict: str
    why: tuple[str, ...]
    attempts: str
    edited: bool
    predictions: tuple[PredictionResult, ...]
    rivals: tuple[PredictionResult, ...]
    arms: tuple[str, ...]
    arm_table: Table
    at: str  # the level of a sweep at which arms are shown side by side
    curves: tuple[SweepView, ...]
    curve_table: Table
    throughput: Mapping[str, list[ThroughputPoint]]
    latency: Mapping[str, Histogram]
    breakdowns: tuple[Breakdown, ...]
    series: Series | None
    benchmark: BenchmarkView | None
    soak: SoakView | None
    requests: Table
    arrivals: Table
    errors: Table
    gates: Table
    voided_blocks: int
    voided: tuple[str, ...]
    trials: Table
    profiles: Mapping[str, str]
    conditions: tuple[tuple[str, Table], ...]
    prose: str
    commands: tuple[str, ...]
    seals: Table
    earlier: Table
    reading: str

    @property
    def lead(self) -> str:
        """The verdict in one sentence."""
        return verdict_wording.SUMMARIES[self.verdict]

    @property
    def findings(self) -> tuple[PredictionResult, ...]:
        """Predictions and rivals together."""
        return (*self.predictions, *self.rivals)

    @property
    def deciding(self) -> list[PredictionResult]:
        """What the first screen tells: the claim's trouble first; nothing of a run gone wrong."""
        if self.verdict == "INVALID":
            return []
        tones: tuple[verdict_wording.Tone, ...] = ("bad", "open", "good")
        return sorted(self.findings, key=lambda finding: tones.index(finding.tone))

    @property
    def mark(self) -> str:
        """The verdict's sign, for those who do not see its colour."""
        return verdict_wording.SYMBOLS[self.verdict]

    @property
    def trust(self) -> str:
        """What the gates found, in a sentence."""
        if not self.voided_blocks:
            return "No gate objected to any trial."
        plural = "s were" if self.voided_blocks > 1 else " was"
        return f"{self.voided_blocks} block{plural} voided and did not count."

    @property
    def throughput_words(self) -> str:
        """What the picture of throughput shows."""
        if not any(point.counted for points in self.throughput.values() for point in points):
            return "No block counts."
        return _by_arm(
            "Requests a second, lowest to highest block",
            {
                arm: low_to_high(plain, [point.value for point in points if point.counted])
                for arm, points in self.throughput.items()
            },
        )

    @property
    def latency_words(self) -> str:
        """What the picture of latency shows."""
        return _by_arm(
            "Median over all trials that count",
            {
                arm: "{0} (p99: {2})".format(*tables.quantiles(latency))
                for arm, latency in self.latency.items()
            },
        )


def gather(run_folder: RunFolder, hypothesis: Hypothesis, plan: Plan, verdict: Verdict) -> View:
    """Bring together what a run's folder and its verdict hold."""
    evidence = Evidence.gather(hypothesis, plan, run_folder.trials())
    predictions, rivals = findings(hypothesis, verdict)
    swept = sweep.collect(hypothesis, plan, evidence.blocks)
    is_soak = isinstance(hypothesis.kind, SoakTest)
    return View(
        name=hypothesis.name,
        run=run_folder.run,
        question=hypothesis.question,
        claim=hypothesis.claim,
        facts=_facts(hypothesis, plan, verdict),
        verdict=verdict.verdict or "UNFINISHED",
        why=own_reasons(verdict, (*predictions, *rivals)),
        attempts=_attempts(plan.attempts),
        edited=any(not attempt.same_claim for attempt in plan.attempts),
        predictions=predictions,
        rivals=rivals,
        arms=evidence.arms,
        arm_table=tables.arms(evidence),
        at=evidence.at,
        curves=swept,
        curve_table=sweep.table(swept),
        throughput=_throughput(evidence),
        latency={arm: evidence.latency(arm) for arm in evidence.arms},
        breakdowns=_breakdowns(evidence),
        series=None if is_soak else collect(run_folder, evidence),
        benchmark=benchmark.collect(run_folder, evidence),
        soak=soak_view(run_folder, hypothesis, plan),
        requests=tables.requests(evidence),
        arrivals=tables.arrivals(evidence),
        errors=tables.errors(evidence),
        gates=tables.gate_figures(evidence),
        voided_blocks=verdict.voided,
        voided=tables.voided(evidence),
        trials=tables.trials(evidence),
        profiles=_profiles(run_folder, evidence.arms),
        conditions=tables.conditions(run_folder.conditions()),
        prose=hypothesis.prose,
        commands=_commands(plan),
        seals=Table(
            ("seal", "digest"),
            (("hypothesis file", plan.digest), ("claim", plan.claim_digest)),
            "ll",
        ),
        earlier=tables.attempts(plan),
        reading=wording.reading_soak(verdict.alpha) if is_soak else wording.reading(verdict.alpha),
    )


def _facts(hypothesis: Hypothesis, plan: Plan, verdict: Verdict) -> str:
    length = f"{plain((plan.length_s or 0.0) / 3600)} h planned"
    match hypothesis.kind:
        case LoadTest() as test:
            measured, length = str(test.load), f"{test.window_s:g} s a trial"
        case Benchmark() as test:
            measured = f"{test.statistic} of the rounds of each process"
            length = f"{test.window_s:g} s a trial"
        case SoakTest() as test:
            measured = str(test.load)
    return " · ".join(
        (
            measured,
            f"{len(hypothesis.arms)} arm{'s' * (len(hypothesis.arms) > 1)}",
            f"{verdict.blocks} blocks counted, {verdict.voided} voided",
            length,
            f"{plain(verdict.elapsed_s)} s in all",
            f"target {plan.target}",
            f"seed {plan.seed}",
        )
    )


def _attempts(attempts: Sequence[Attempt]) -> str:
    same = [attempt.verdict for attempt in attempts if attempt.same_claim]
    other = [attempt.verdict for attempt in attempts if not attempt.same_claim]
    if same:
        told = f"This claim was run {_times(len(same))} before: {_tally(same)}."
    elif other:
        told = "This claim was not run before as it stands."
    else:
        return "This is the first run of this claim."
    if other:
        return (
            f"{told} Predictions, bounds or arms were edited since "
            f"{len(other)} earlier run{'s' * (len(other) > 1)}: {_tally(other)}."
        )
    return f"{told} Its predictions, bounds and arms were not edited since."


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _tally(verdicts: Sequence[str]) -> str:
    return ", ".join(f"{name} {_times(count)}" for name, count in Counter(verdicts).items())


def _throughput(evidence: Evidence) -> dict[str, list[ThroughputPoint]]:
    counted = {trial.block for trial in evidence.counted}
    points: dict[str, list[ThroughputPoint]] = {arm: [] for arm in evidence.arms}
    for trial in evidence.trials:
        value = measure(trial, "throughput", {})
        if value is not None and trial.level == evidence.level:
            points[trial.arm].append(ThroughputPoint(trial.block, value, trial.block in counted))
    return points


def _breakdowns(evidence: Evidence) -> tuple[Breakdown, ...]:
    pooled: dict[str, Counter[str]] = {}
    for arm in evidence.arms:
        pooled[arm] = Counter()
        for trial in evidence.of(arm):
            pooled[arm].update(trial.service.counters)
    found = []
    for name, metric in evidence.hypothesis.measures.items():
        if not isinstance(metric, MetricRatio):
            continue
        parts = {
            arm: part for arm in evidence.arms if (part := _part(pooled[arm], metric)) is not None
        }
        if parts and all(0 <= part.share <= 1 for part in parts.values()):
            label = name.removesuffix("_share").replace("_", " ")
            found.append(Breakdown(label, metric.denominator, parts))
    return tuple(found)


def _part(counters: Mapping[str, float], metric: MetricRatio) -> BreakdownPart | None:
    part, whole = counter(counters, metric.numerator), counter(counters, metric.denominator)
    if part is None or not whole:
        return None
    # A Prometheus histogram or summary counts its observations beside their sum.
    selector, summed = re.subn(r"_sum(?=\{|$)", "_count", metric.denominator, count=1)
    count = counter(counters, selector) if summed else None
    if not count:
        return BreakdownPart(part / whole, None, None)
    return BreakdownPart(part / whole, part / count, whole / count)


def _profiles(run_folder: RunFolder, arms: Sequence[str]) -> dict[str, str]:
    files = {arm: run_folder.path("profiles", f"{arm}.txt") for arm in arms}
    return {
        arm: file.read_text(encoding="utf-8", errors="replace")
        for arm, file in files.items()
        if file.is_file()
    }


def _commands(plan: Plan) -> tuple[str, ...]:
    by_make = f"make experiment NAME={plan.hypothesis} SEED={plan.seed}"
    direct = f"lab run {plan.hypothesis} --seed {plan.seed}"
    if plan.length_s is not None:
        hours = f"{plan.length_s / 3600:.6g}"
        by_make = f"make soak NAME={plan.hypothesis} HOURS={hours} SEED={plan.seed}"
        direct += f" --for {hours}h" + " --anyway" * any(each.below for each in plan.detectable)
    if plan.target == "embedded":
        return by_make, direct
    target = shlex.quote(plan.target)
    return f"{by_make} TARGET={target}", f"{direct} --target {target}"


def _by_arm(what: str, figures: Mapping[str, str]) -> str:
    return f"{what}: " + "; ".join(f"{arm} {figure}" for arm, figure in figures.items()) + "."
