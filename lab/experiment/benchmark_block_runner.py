"""Blocks of a benchmark: fresh processes of every arm and value, which measure in turn."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from lab.experiment.progress_events import Event, Launch, ProcessesStarting, SlicesMeasured
from lab.gates import inspect
from lab.hypothesis import Benchmark, Hypothesis, Step
from lab.instruments.background_load import Span, background_of
from lab.instruments.benchmark_file import BenchmarkFile
from lab.instruments.benchmark_group import BenchmarkGroup
from lab.instruments.benchmark_process import BenchmarkError, BenchmarkProcess, Measured
from lab.instruments.benchmark_selection import BenchmarkFunction
from lab.instruments.instrument_interfaces import BackgroundLoad
from lab.instruments.process_sampler import ProcessSampler
from lab.runs.run_folder import RunFolder
from lab.targets.benchmark_target import BenchmarkTarget
from lab.trials.plan import Plan
from lab.trials.trial import BenchmarkEvidence, Fault, Trial


class _Ended(NamedTuple):
    """A process that has ended, and what was sampled while it and others measured."""

    blank: Trial
    measured: Measured
    sampler: ProcessSampler
    group: int


class BenchmarkBlocks:
    """Runs processes of a benchmark file, each with the environment of its arm."""

    def __init__(
        self,
        hypothesis: Hypothesis,
        plan: Plan,
        run_folder: RunFolder,
        target: BenchmarkTarget,
        file: BenchmarkFile,
        function: BenchmarkFunction,
    ) -> None:
        assert isinstance(hypothesis.kind, Benchmark)
        assert plan.slices is not None
        self._hypothesis = hypothesis
        self._seed = plan.seed
        self._margins = plan.margins
        self._slices = plan.slices
        self._fresh_databases = plan.databases == "fresh"
        self._run_folder = run_folder
        self._statistic = hypothesis.kind.statistic
        self._target = target
        self._file = file
        self._function = function
        self._counts: dict[tuple[Step, str], int] = {}
        for trial in run_folder.trials():
            self._inexact_count(trial)

    def block(self, blanks: Sequence[Trial]) -> Generator[Event, None, Sequence[Trial]]:
        """Run a process for each of these trials; returns them as measured.

        The launches of an arm and value follow each other: two of its processes at a time would
        share its database. If a process fails, its trial alone is returned, with the reason.
        """
        if self._fresh_databases:
            self._target.renew()
        order = random.Random(f"{self._seed}-slices-{blanks[0].block}")
        launches = max(blank.repeat for blank in blanks)
        ended: list[_Ended] = []
        position = 0
        for launch in range(1, launches + 1):
            own = {blank.step: blank for blank in blanks if blank.repeat == launch}
            try:
                position += yield from self._launch(own, launches, order, position + 1, ended)
            except BenchmarkError as error:
                assert error.step is not None
                fault = Fault("alive", f"No slices of {error.step}. {error}.", retryable=False)
                failed = replace(own[error.step], faults=(fault,))
                return [inspect(failed, self._hypothesis, margins=self._margins)]
        return [self._trial(each, _background(each, ended)) for each in ended]

    def _launch(
        self,
        blanks: Mapping[Step, Trial],
        launches: int,
        order: random.Random,
        first: int,
        ended: list[_Ended],
    ) -> Generator[Event, None, int]:
        """Run the processes of one launch; returns how many slices there were.

        All are alive at once, or as many as memory permits.

        Args:
            blanks: Their trials.
            launches: Of the block.
            order: Draws the orders of the slices.
            first: The position of the first slice in the block.
            ended: Takes what they have measured.
        """
        blank = next(iter(blanks.values()))
        launch = Launch(blank.block, blank.repeat, launches)
        left = _units(list(blanks))
        group = slices = 0
        yield ProcessesStarting(launch, len(blanks))
        while left:
            group += 1
            with BenchmarkGroup(self._file, self._start) as processes:
                self._target.pin(self._file.cores.all)  # while fixtures fill databases
                left = processes.start(left)
                self._target.pin(self._file.cores.target)
                roles = {**self._target.roles(), "benchmark": processes.pids}
                began, sampler = time.time(), ProcessSampler(roles)
                sampler.sample()
                count, rounds = len(processes.pids), 0
                for done, rounds in processes.measure(
                    self._slices.length_s, self._slices.count, order, first + slices
                ):
                    yield SlicesMeasured(launch, count, done, rounds, self._slices.length_s)
                slices += count * rounds
                sampler.sample()
                for step, measured in processes.finish(self._statistic).items():
                    blank = replace(blanks[step], started_at=began)
                    ended.append(_Ended(blank, measured, sampler, group))
        return slices

    def profile(self, arm: str) -> str:
        """Profile a process of its own, at the largest value of the parameter."""
        step = Step(arm, self._hypothesis.levels[-1])
        try:
            return self._file.profile(
                self._function.nodes[step.level], step, self._environment(step)
            )
        except BenchmarkError as error:  # the verdict does not need a profile
            return f"no profile: {error}"

    def _start(self, step: Step) -> BenchmarkProcess:
        node = self._function.nodes[step.level]
        return self._file.start(node, step, self._environment(step))

    def _environment(self, step: Step) -> dict[str, str]:
        return {**self._hypothesis.arms[step.arm], **self._target.environment(step)}

    def _trial(self, ended: _Ended, background: BackgroundLoad) -> Trial:
        """A trial with its evidence and its faults."""
        blank, measured, _, group = ended
        evidence = BenchmarkEvidence(
            measured.timing, measured.counts, measured.other_info, measured.slices, group
        )
        trial = background.added_to(replace(blank, window_s=measured.took_s, evidence=evidence))
        self._run_folder.write_rounds(trial, measured.loops)
        if inexact := self._inexact_count(trial):
            trial = replace(trial, faults=(inexact,))
        return inspect(trial, self._hypothesis, margins=self._margins)

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


def _background(of: _Ended, ended: Sequence[_Ended]) -> BackgroundLoad:
    """The load beside all launches of an arm and value: they are judged together."""
    runs = [each.sampler.samples for each in ended if each.blank.step == of.blank.step]
    spans = [Span.between(samples[0], samples[-1]) for samples in runs]
    return background_of(spans, list(itertools.chain.from_iterable(runs)))


def _units(steps: Sequence[Step]) -> list[Sequence[Step]]:
    """The steps by their values: all arms at one value are measured at the same time."""
    levels = dict.fromkeys(step.level for step in steps)
    return [[step for step in steps if step.level == level] for level in levels]
