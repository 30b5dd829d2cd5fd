"""The loop over blocks: gate, run the plan, save each trial, look, stop. It draws nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

from lab.experiment.events import BlockEnded, Event, Profiling, TrialBegun, TrialEnded
from lab.experiment.stored_run import BUDGET_ENDED, elapsed_of
from lab.gates import OTHER_CPU, STEAL, TICKER_FLOOR_S
from lab.hypothesis import Hypothesis, Step
from lab.instruments.process_sampler import ProcessSampler, others_over, timer_lateness
from lab.plan import Plan
from lab.run_folder import RunFolder
from lab.trial import Fault, Trial
from lab.verdict import judge

SETTLE_S = 20.0  # at most, after a voided block


class Instrument(Protocol):
    """What one kind of experiment does within the loop."""

    def trial(self, blank: Trial) -> Generator[Event, None, Trial]:
        """Run the trial of `blank.step`; returns it with its figures and faults."""

    def profile(self, arm: str) -> str:
        """A profile of an arm, from a run that is never timed."""


class Experiment:
    """One session of one run, all parts given."""

    def __init__(
        self,
        hypothesis: Hypothesis,
        plan: Plan,
        run_folder: RunFolder,
        instrument: Instrument,
        began: float,
        steady: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        self.hypothesis = hypothesis
        self.plan = plan
        self.run_folder = run_folder
        self._instrument = instrument
        self._steady = steady  # what must not change in the run
        self._conditions = steady()
        self._began = began  # when the command began, monotonic
        self.interim_verdict = judge(hypothesis, plan, run_folder.trials())

    def elapsed_s(self) -> float:
        """Seconds since the command began."""
        return time.monotonic() - self._began

    def run(self) -> Iterator[Event]:
        """Run blocks until the evidence decides, the plan or the budget ends."""
        trials = self.run_folder.trials()
        earlier_s = elapsed_of(self.run_folder.journal())
        block = max((trial.block for trial in trials), default=0)
        longest = 0.0
        while self.interim_verdict.verdict is None:
            block += 1
            if block > len(self.plan.orders) or self._over_budget(earlier_s + longest):
                self.run_folder.add_journal(BUDGET_ENDED, elapsed_s=round(self.elapsed_s(), 3))
                return
            block_began = time.monotonic()
            faults: tuple[Fault, ...] = ()
            for position, step in enumerate(order := self.plan.orders[block - 1], 1):
                yield TrialBegun(block, position, step)
                repeat = order[:position].count(step)
                trial = yield from self.trial(block, position, step, repeat)
                trials.append(trial)
                self.run_folder.add_trial(trial)
                yield TrialEnded(trial)
                if faults := trial.faults:
                    break  # the block is void: its other trials would be wasted
            longest = max(longest, time.monotonic() - block_began)
            self.interim_verdict = judge(self.hypothesis, self.plan, trials)
            self.run_folder.add_journal("block", block=block, elapsed_s=round(self.elapsed_s(), 3))
            yield BlockEnded(block, faults, self.interim_verdict)
            if faults and self.interim_verdict.verdict is None:
                self._settle()

    def profiles(self) -> Iterator[Event]:
        """Profile every arm in a trial of its own that is never timed."""
        for arm in self.hypothesis.arms:
            yield Profiling(arm)
            self.run_folder.write_text(f"profiles/{arm}.txt", self._instrument.profile(arm))

    def trial(
        self, block: int, position: int, step: Step, repeat: int = 1
    ) -> Generator[Event, None, Trial]:
        """One trial, unless the conditions have changed."""
        window_s = self.hypothesis.trial.window_s
        blank = Trial(block, position, step.arm, time.time(), window_s, step.level, repeat)
        if fault := self._changed():
            return replace(blank, faults=(fault,))
        return (yield from self._instrument.trial(blank))

    def _settle(self) -> None:
        """Let a passing disturbance pass, so that it voids its own block only."""
        deadline = time.monotonic() + SETTLE_S
        while time.monotonic() < deadline:
            watch = ProcessSampler({})
            watch.sample()
            late = timer_lateness(1.0)
            watch.sample()
            others, steal = others_over(watch.samples)
            if others <= OTHER_CPU and steal <= STEAL and late <= TICKER_FLOOR_S:
                return

    def _over_budget(self, more_s: float) -> bool:
        return self.elapsed_s() + more_s > self.hypothesis.budget_s

    def _changed(self) -> Fault | None:
        """Whether the conditions are no longer those that the run began under.

        What cannot be seen now has not changed: a dead driver is told as that.
        """
        now = self._steady()
        changed = [key for key, value in self._conditions.items() if now.get(key, value) != value]
        if not changed:
            return None
        return Fault(
            "conditions", f"Changed since the run began: {', '.join(changed)}.", mendable=False
        )
