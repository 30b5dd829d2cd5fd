"""The loop over blocks: run the plan, save each trial, judge after each block, stop."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from lab.experiment.progress_events import BlockEnded, Event, Profiling, TrialBegun, TrialEnded
from lab.experiment.run_session import Session
from lab.experiment.stored_run_reader import BUDGET_ENDED, elapsed_of
from lab.hypothesis import Hypothesis, SoakTest, Step
from lab.instruments.background_load import background_over
from lab.instruments.process_sampler import ProcessSampler, timer_lateness
from lab.runs.run_folder import RunFolder
from lab.trials.plan import Plan
from lab.trials.trial import Fault, Trial
from lab.verdict.rule import judge

SETTLE_S = 20.0  # the longest wait after a voided block


class TrialRunner(Protocol):
    """Runs the trials of one kind of experiment."""

    def renew(self, block: int) -> Generator[Event, None, Fault | None]:
        """Give all arms fresh processes before a block, if planned; returns why it cannot begin."""

    def trial(self, blank: Trial) -> Generator[Event, None, Trial]:
        """Run the trial of `blank.step`; returns it with its figures and faults."""

    def in_turn(self, blanks: Sequence[Trial]) -> Generator[Event, None, Sequence[Trial] | None]:
        """Run a block whose arms are measured in turn, in slices; returns its trials.

        If the block is void, those that have a fault are enough. None: the trials are to be run one
        after the other.
        """

    def profile(self, arm: str) -> str:
        """A profile of an arm as text, from a run that is never timed."""


class BlockRunner(Protocol):
    """Runs blocks of one kind of experiment, in which all arms are measured in turn."""

    def block(self, blanks: Sequence[Trial]) -> Generator[Event, None, Sequence[Trial]]:
        """Run a block; returns its trials with figures and faults, or those that failed alone."""

    def profile(self, arm: str) -> str:
        """A profile of an arm as text, from a run that is never timed."""


class _Blocks(Session):
    """Runs block by block until the evidence decides."""

    def __init__(
        self,
        hypothesis: Hypothesis,
        plan: Plan,
        run_folder: RunFolder,
        profile: Callable[[str], str],
        began: float,
        invariants: Callable[[], Mapping[str, Any]],
        cores: tuple[int, ...],
    ) -> None:
        assert not isinstance(hypothesis.kind, SoakTest)
        super().__init__(hypothesis, plan, run_folder, began, invariants)
        self._cores = cores
        self._kind = hypothesis.kind
        self._profile = profile

    def run(self) -> Iterator[Event]:
        """Run blocks until the evidence decides, or the plan or the budget ends."""
        trials = self.run_folder.trials()
        earlier_s = elapsed_of(self.run_folder.journal())
        block = max((trial.block for trial in trials), default=0)
        longest_s = 0.0
        while self.interim_verdict.verdict is None:
            block += 1
            if block > len(self.plan.orders) or self._over_budget(earlier_s + longest_s):
                self.note(BUDGET_ENDED)
                return
            block_began = time.monotonic()
            faults = yield from self._block(block, trials)
            longest_s = max(longest_s, time.monotonic() - block_began)
            self.interim_verdict = judge(self.hypothesis, self.plan, trials)
            self.note("block", block=block)
            yield BlockEnded(block, faults, self.interim_verdict)
            if faults and self.interim_verdict.verdict is None:
                self._settle()

    def profiles(self) -> Iterator[Event]:
        """Profile every arm in a trial of its own that is never timed."""
        for arm in self.hypothesis.arms:
            yield Profiling(arm)
            self.run_folder.write_text(f"profiles/{arm}.txt", self._profile(arm))

    @abstractmethod
    def _block(self, block: int, trials: list[Trial]) -> Generator[Event, None, tuple[Fault, ...]]:
        """Run the trials of one block and add them to `trials`; returns what voids the block."""

    def _blanks(self, block: int) -> Sequence[Trial]:
        """The trials of a block as planned, none of which has begun."""
        order = self.plan.orders[block - 1]
        return [
            replace(self._blank(block, position, step), repeat=order[:position].count(step))
            for position, step in enumerate(order, 1)
        ]

    def _keep(
        self, ended: Sequence[Trial], trials: list[Trial]
    ) -> Generator[Event, None, tuple[Fault, ...]]:
        """Save trials that have ended and add them to `trials`; returns what voids the block."""
        for trial in ended:
            trials.append(trial)
            self.run_folder.add_trial(trial)
            yield TrialEnded(trial)
        return next((trial.faults for trial in ended if trial.faults), ())

    def _blank(self, block: int, position: int, step: Step) -> Trial:
        """A trial that has not begun."""
        window_s = self._kind.window_s
        return Trial(block, position, step.arm, time.time(), window_s, step.level)

    def _settle(self) -> None:
        """Wait until a passing disturbance is over, so that it voids one block only."""
        limits = self.plan.margins.gates
        deadline = time.monotonic() + SETTLE_S
        while time.monotonic() < deadline:
            sampler = ProcessSampler({}, self._cores)
            sampler.sample()
            late_s = timer_lateness(1.0)
            sampler.sample()
            seen = background_over(sampler.samples)
            is_quiet = seen.other_cpu <= limits.max_other_cpu and seen.steal <= limits.max_steal
            if is_quiet and late_s <= limits.max_ticker_late_s:
                return

    def _over_budget(self, more_s: float) -> bool:
        return self.elapsed_s() + more_s > self._kind.budget_s


class BlockLoop(_Blocks):
    """Runs blocks in slices, or trial by trial, as the runner chooses."""

    def __init__(
        self,
        hypothesis: Hypothesis,
        plan: Plan,
        run_folder: RunFolder,
        runner: TrialRunner,
        began: float,
        invariants: Callable[[], Mapping[str, Any]] = dict,
        cores: tuple[int, ...] = (),  # of driver and target, all together
    ) -> None:
        super().__init__(hypothesis, plan, run_folder, runner.profile, began, invariants, cores)
        self._runner = runner

    def trial(self, block: int, position: int, step: Step) -> Generator[Event, None, Trial]:
        """One trial, unless the conditions have changed."""
        blank = self._blank(block, position, step)
        if fault := self.changed_conditions():
            return replace(blank, faults=(fault,))
        return (yield from self._runner.trial(blank))

    def _block(self, block: int, trials: list[Trial]) -> Generator[Event, None, tuple[Fault, ...]]:
        blanks = self._blanks(block)
        if fault := (yield from self._runner.renew(block)):
            return (yield from self._keep([replace(blanks[0], faults=(fault,))], trials))
        if not self.changed_conditions():
            ended = yield from self._runner.in_turn(blanks)
            if ended is not None:
                return (yield from self._keep(ended, trials))
        for blank in blanks:
            yield TrialBegun(block, blank.position, blank.step)
            trial = yield from self.trial(block, blank.position, blank.step)
            if faults := (yield from self._keep([trial], trials)):
                return faults  # the block is void: its other trials would be wasted
        return ()


class SlicedBlockLoop(_Blocks):
    """Runs blocks in which all arms are measured in turn, in slices."""

    def __init__(
        self,
        hypothesis: Hypothesis,
        plan: Plan,
        run_folder: RunFolder,
        runner: BlockRunner,
        began: float,
        invariants: Callable[[], Mapping[str, Any]] = dict,
        cores: tuple[int, ...] = (),  # of driver and target, all together
    ) -> None:
        super().__init__(hypothesis, plan, run_folder, runner.profile, began, invariants, cores)
        self._runner = runner

    def _block(self, block: int, trials: list[Trial]) -> Generator[Event, None, tuple[Fault, ...]]:
        blanks = self._blanks(block)
        if fault := self.changed_conditions():
            return (yield from self._keep([replace(blanks[0], faults=(fault,))], trials))
        ended = yield from self._runner.block(blanks)
        return (yield from self._keep(ended, trials))
