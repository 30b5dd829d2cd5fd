"""Trials of a benchmark: each is a fresh process that runs one function of the file."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from lab.decision_margins import DecisionMargins
from lab.experiment.progress_events import Event
from lab.gates import inspect
from lab.hypothesis import Benchmark, Hypothesis, Step
from lab.instruments.benchmark_process import BenchmarkError, BenchmarkFile
from lab.instruments.benchmark_selection import BenchmarkFunction
from lab.instruments.process_sampler import ProcessSampler, background_over
from lab.run_folder import RunFolder
from lab.targets.benchmark_target import BenchmarkTarget
from lab.trial import BenchmarkEvidence, Fault, Trial


class BenchmarkTrials:
    """Runs processes of a benchmark file, each with the environment of its arm."""

    def __init__(
        self,
        hypothesis: Hypothesis,
        run_folder: RunFolder,
        target: BenchmarkTarget,
        file: BenchmarkFile,
        function: BenchmarkFunction,
        margins: DecisionMargins,
    ) -> None:
        assert isinstance(hypothesis.kind, Benchmark)
        self._hypothesis = hypothesis
        self._run_folder = run_folder
        self._benchmark = hypothesis.kind
        self._target = target
        self._file = file
        self._function = function
        self._margins = margins
        self._counts: dict[tuple[Step, str], int] = {}
        for trial in run_folder.trials():
            self._inexact_count(trial)

    def trial(self, blank: Trial) -> Generator[Event, None, Trial]:
        """Run one process; returns what it measured, with its faults."""
        sampler = ProcessSampler(self._target.roles())
        sampler.sample()
        try:
            measured = self._file.measure(
                self._function.nodes[blank.level],
                blank.arm,
                self._environment(blank.arm),
                self._benchmark.window_s,
                self._benchmark.statistic,
            )
        except BenchmarkError as error:
            fault = Fault("alive", f"No rounds of {blank.step}. {error}.", retryable=False)
            return self._inspected(replace(blank, faults=(fault,)))
        sampler.sample()
        other_cpu, steal = background_over(sampler.samples)
        trial = replace(
            blank,
            evidence=BenchmarkEvidence(measured.timing, measured.counts, measured.other_info),
            other_cpu=other_cpu,
            steal=steal,
        )
        self._run_folder.write_rounds(trial, measured.rounds)
        if inexact := self._inexact_count(trial):
            trial = replace(trial, faults=(inexact,))
        return self._inspected(trial)
        yield  # makes this a generator, as every kind of trial is; it has no events of its own

    def profile(self, arm: str) -> str:
        """Profile a process of its own, at the largest value of the parameter."""
        node = self._function.nodes[self._hypothesis.levels[-1]]
        window_s = self._benchmark.window_s
        try:
            return self._file.profile(node, arm, self._environment(arm), window_s)
        except BenchmarkError as error:  # the verdict does not need a profile
            return f"no profile: {error}"

    def _inspected(self, trial: Trial) -> Trial:
        return inspect(trial, self._hypothesis, margins=self._margins)

    def _environment(self, arm: str) -> dict[str, str]:
        return {**self._hypothesis.arms[arm], **self._target.environment(arm)}

    def _inexact_count(self, trial: Trial) -> Fault | None:
        """A fault if a count differs from that of an earlier process of the same step.

        Such a count is not exact, and repeating the block cannot make it so.
        """
        if not isinstance(trial.evidence, BenchmarkEvidence):
            return None
        for name, count in trial.evidence.counts.items():
            known = self._counts.setdefault((trial.step, name), count)
            if known != count and self._is_predicted(name):
                return Fault(
                    "counts",
                    f"{name} of {trial.step} was {known} in one process and {count} in another: "
                    "it is not an exact count.",
                    retryable=False,
                )
        return None

    def _is_predicted(self, name: str) -> bool:
        return any(p.count == name for p in self._hypothesis.all_predictions)
