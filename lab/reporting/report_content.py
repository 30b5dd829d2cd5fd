"""The content of a report, gathered once for every format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.hypothesis import Hypothesis, SoakTest
from lab.reporting.sections import how_to_read
from lab.reporting.sections.arms import arm_table
from lab.reporting.sections.arrivals import arrival_table
from lab.reporting.sections.benchmark import BenchmarkSection, benchmark_section
from lab.reporting.sections.conditions import condition_tables
from lab.reporting.sections.gates import GatesSection, gates_section
from lab.reporting.sections.latency import LatencySection, latency_section
from lab.reporting.sections.predictions import PredictionResult, prediction_results
from lab.reporting.sections.reproduction import ReproductionSection, reproduction_section
from lab.reporting.sections.slices import SlicesSection, slices_section
from lab.reporting.sections.soak import SoakSection, soak_section
from lab.reporting.sections.summary import Summary, summarize
from lab.reporting.sections.sweep import SweepSection, sweep_section
from lab.reporting.sections.throughput import ThroughputSection, throughput_section
from lab.reporting.sections.time_breakdown import TimeBreakdown, time_breakdowns
from lab.reporting.sections.timeline import TimelineSection, timeline_section
from lab.reporting.sections.trials import trial_table
from lab.reporting.sections.workers import WorkersSection, workers_section
from lab.reporting.table import Table
from lab.reporting.trials_of_run import RunTrials
from lab.runs.run_folder import RunFolder
from lab.trials.plan import Plan
from lab.verdict.record import Verdict


@dataclass(frozen=True)
class ReportContent:
    """Everything that a report shows of a run, free of any format."""

    summary: Summary
    predictions: tuple[PredictionResult, ...]
    rivals: tuple[PredictionResult, ...]
    sweep: SweepSection | None
    arms: tuple[str, ...]
    arm_table: Table
    arm_notes: tuple[str, ...]  # on arms that do not differ in exactly one setting
    at_level: str  # of a sweep, the level at which arms are shown side by side; in words
    throughput: ThroughputSection
    latency: LatencySection
    arrivals: Table
    slices: SlicesSection | None  # of loads whose arms were measured in turn
    workers: WorkersSection | None  # of loads that several processes shared
    breakdowns: tuple[TimeBreakdown, ...]
    timeline: TimelineSection | None
    benchmark: BenchmarkSection | None  # in place of throughput and latency
    soak: SoakSection | None  # in place of the timeline
    gates: GatesSection
    trials: Table
    profiles: Mapping[str, str]  # by arm
    conditions: tuple[tuple[str, Table], ...]
    prose: str  # of the hypothesis file, Markdown
    reproduction: ReproductionSection
    method: str  # how the verdict is reached

    @property
    def results(self) -> tuple[PredictionResult, ...]:
        """The results of predictions and rivals together."""
        return (*self.predictions, *self.rivals)

    @property
    def row_of_series(self) -> str:
        """What a row of the time series of a load is."""
        return self.timeline.row if self.timeline else "second"


def gather_content(
    run_folder: RunFolder, hypothesis: Hypothesis, plan: Plan, verdict: Verdict
) -> ReportContent:
    """Bring together what a run's folder and its verdict hold."""
    trials = RunTrials.sort(hypothesis, plan, run_folder.trials())
    predictions, rivals = prediction_results(hypothesis, verdict)
    is_soak = isinstance(hypothesis.kind, SoakTest)
    return ReportContent(
        summary=summarize(run_folder.run, hypothesis, plan, verdict, (*predictions, *rivals)),
        predictions=predictions,
        rivals=rivals,
        sweep=sweep_section(hypothesis, plan, trials.blocks),
        arms=trials.arms,
        arm_table=arm_table(trials, plan.revisions),
        arm_notes=tuple(hypothesis.arm_notes),
        at_level=trials.at_level,
        throughput=throughput_section(trials),
        latency=latency_section(trials),
        arrivals=arrival_table(trials),
        slices=slices_section(trials, run_folder.journal()),
        workers=workers_section(trials, plan.workers),
        breakdowns=time_breakdowns(trials),
        timeline=None if is_soak else timeline_section(run_folder, trials),
        benchmark=benchmark_section(run_folder, trials),
        soak=soak_section(run_folder, trials, plan),
        gates=gates_section(trials, verdict.voided, _proof(run_folder)),
        trials=trial_table(trials),
        profiles=_profiles(run_folder, trials.arms),
        conditions=condition_tables(run_folder.conditions()),
        prose=hypothesis.prose,
        reproduction=reproduction_section(plan, hypothesis),
        method=how_to_read.method(hypothesis, plan),
    )


def _proof(run_folder: RunFolder) -> Mapping[str, str] | None:
    proof: Mapping[str, str] | None = (
        run_folder.conditions().get("target", {}).get("proof of the settings")
    )
    return proof


def _profiles(run_folder: RunFolder, arms: Sequence[str]) -> dict[str, str]:
    files = {arm: run_folder.path("profiles", f"{arm}.txt") for arm in arms}
    return {
        arm: file.read_text(encoding="utf-8", errors="replace")
        for arm, file in files.items()
        if file.is_file()
    }
