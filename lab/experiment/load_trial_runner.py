"""Trials of a load: reset the arm, drive it, observe it, and check its gates."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from lab.driver_messages import Closed, Frame, Opened, RunTrial
from lab.experiment.arm_identity_check import (
    not_restarted,
    process_ended,
    restarted,
    wrong_settings,
)
from lab.experiment.driver_message_conversion import load_spec, series_row
from lab.experiment.load_trial_builder import LoadRecordBuilder
from lab.experiment.progress_events import ArmsRestarting, Event, SecondElapsed
from lab.gates import inspect
from lab.hypothesis import ClosedLoad, Hypothesis, LoadTest, OpenLoad, Stage
from lab.instruments.instrument_interfaces import Driver, ObserverFactory, TrialObserver
from lab.instruments.locust_driver_process import DriverError
from lab.instruments.trial_observer import LiveTrialObserver
from lab.run_folder import RunFolder
from lab.targets.target_interface import ProfiledCopy, Target, TargetError
from lab.trial import Fault, LoadEvidence, Trial
from lab.trial_plan import Plan

PROFILE_WARMUP_S = 0.5
PROFILE_WINDOW_S = 2.0


class LoadTrials:
    """Trials of the arms of a target, loaded by a driver."""

    def __init__(
        self,
        hypothesis: Hypothesis,
        plan: Plan,
        run_folder: RunFolder,
        target: Target,
        driver: Driver,
        new_observer: ObserverFactory = LiveTrialObserver,
    ) -> None:
        assert isinstance(hypothesis.kind, LoadTest)
        self.hypothesis = hypothesis
        self._test = hypothesis.kind
        self.plan = plan
        self.run_folder = run_folder
        self.target = target
        self.driver = driver
        self._new_observer = new_observer
        self._instances = self._answering()
        self._are_fresh = True  # the target has started them just now

    def profile(self, arm: str) -> str:
        """Profile a copy of the arm's service under a short load."""
        try:
            copy = self.target.profile(arm)
            self._load_untimed(copy)
            return copy.finish()
        except (TargetError, DriverError) as error:  # the verdict does not need a profile
            return f"no profile: {error}"

    def renew(self, block: int) -> Generator[Event, None, Fault | None]:
        """Give all arms fresh processes before a block, if the plan says so.

        Returns:
            Why the block cannot begin; None if it can.
        """
        if self.plan.processes != "fresh":
            return None
        if self._are_fresh:
            self._are_fresh = False
            return None
        arms, before = tuple(self.hypothesis.arms), self._instances
        for arm in arms:  # what ended or was restarted by others must not go unnoticed
            if fault := self._identity_fault(arm):
                return fault
        yield ArmsRestarting(block, len(arms))
        try:
            self.target.restart(*arms)
            self._instances = self._answering()
        except TargetError as error:
            return Fault("alive", f"An arm cannot be started again: {error}.", retryable=False)
        for arm, roles in self._instances.items():
            for role, instance in roles.items():
                if instance == before[arm][role]:
                    return not_restarted(arm, role)
        return None

    def _answering(self) -> dict[str, dict[str, str]]:
        """The instances that answer now, by arm and role."""
        return {
            arm: {role: who.instance for role, who in self.target.identities(arm).items()}
            for arm in self.hypothesis.arms
        }

    def _load_untimed(self, copy: ProfiledCopy) -> None:
        copy.wait()
        load = self._test.load_at(self._test.levels[-1])
        if isinstance(load, OpenLoad):  # at its highest rate
            load = replace(load, stages=(Stage(None, load.peak, load.peak, PROFILE_WINDOW_S),))
        trial = RunTrial(
            host=copy.url,
            load=load_spec(load),
            warmup_s=PROFILE_WARMUP_S,
            window_s=PROFILE_WINDOW_S,
            seed=f"{self.plan.seed}-profile",
        )
        for _ in self.driver.drive(trial):
            pass

    def trial(self, blank: Trial) -> Generator[Event, None, Trial]:
        """Reset, drive and observe one trial; returns it with its faults."""
        arm = blank.arm
        if fault := self._identity_fault(arm):
            return replace(blank, faults=(fault,))
        try:
            self.target.reset(arm)
        except Exception as error:
            problem = (str(error).strip() or type(error).__name__).splitlines()[0]
            return replace(
                blank,
                faults=(
                    self._identity_fault(arm)
                    or Fault("alive", f"Arm {arm} cannot be reset: {problem}", retryable=False),
                ),
            )
        return (yield from self._drive(blank))

    def _drive(self, blank: Trial) -> Generator[Event, None, Trial]:
        """Drive one trial and observe it; what was seen before a failure counts as evidence."""
        arm = blank.arm
        load = self._test.load_at(blank.level)
        if isinstance(load, OpenLoad):
            load = load.over(self._test.window_s)
        record = LoadRecordBuilder(load, self._test.warmup_s)
        series = self.run_folder.series_writer(blank.block, blank.step)
        observer: TrialObserver | None = None
        fault: Fault | None = None
        completed = False
        try:
            for message in self.driver.drive(self._request(blank, load)):
                match message:
                    case Opened():
                        record.open(message)
                        observer = self._observe(arm, message)
                    case Frame():
                        record.add(message)
                        observed = {} if observer is None else observer.row()
                        series.add({**series_row(message), **observed})
                        yield SecondElapsed(record.rate)
                    case Closed():
                        record.close(message)
                        completed = not message.early
        except DriverError as error:
            fault = Fault("alive", f"{error}", retryable=False)
        finally:
            if observer is not None:
                observer.finish(whole=completed)
            series.close()
        trial = _observed(blank, record.evidence(), observer)
        if fault := self._identity_fault(arm) or fault:
            trial = replace(trial, faults=(fault,))
        return inspect(
            trial,
            self.hypothesis,
            record.task_errors,
            record.warmup_errors,
            margins=self.plan.margins,
        )

    def _request(self, blank: Trial, load: ClosedLoad | OpenLoad) -> RunTrial:
        return RunTrial(
            host=self.target.url(blank.arm),
            load=load_spec(load),
            warmup_s=self._test.warmup_s,
            window_s=self._test.window_s,
            # every arm of a block gets the same users: the arms are compared in pairs
            seed=f"{self.plan.seed}-{blank.block}",
        )

    def _observe(self, arm: str, opened: Opened) -> TrialObserver:
        return self._new_observer(
            self.target.url(arm),
            {**self.target.roles(arm), "driver": (self.driver.pid,)},
            lambda: self.target.activity(arm),
            opened.opens,
            opened.closes,
        )

    def _identity_fault(self, arm: str) -> Fault | None:
        """Whether the arm answers with other settings, was restarted, or has ended.

        Checked in this order: an answer as another arm is the graver finding.
        """
        try:
            identities = self.target.identities(arm)
        except TargetError as error:
            how = self.target.dead(arm)
            return process_ended(how) if how else Fault("alive", f"{error}.", retryable=False)
        if fault := wrong_settings(arm, identities, self.target.expected(arm)):
            return fault
        for role, identity in identities.items():
            if identity.instance != self._instances[arm][role]:
                return restarted(arm, role)
        how = self.target.dead(arm)
        return process_ended(how) if how else None


def _observed(blank: Trial, evidence: LoadEvidence, observer: TrialObserver | None) -> Trial:
    """The trial with its evidence; without an observer the window never opened."""
    if observer is None:
        return replace(blank, evidence=evidence)
    evidence = replace(
        evidence,
        counters=observer.counters,
        counters_uncertainty_s=observer.counters_uncertainty_s,
        usage=observer.usage,
        metrics=observer.metrics,
    )
    return observer.background.added_to(replace(blank, evidence=evidence))
