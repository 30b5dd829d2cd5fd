"""Trials of a load: reset the arm, drive it, observe it, and check its gates.

The arms of a closed load whose users are quick enough are loaded in turn; others one by one.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from lab.analysis.slice_carry_over import carry_over_by_arm, carry_over_message, uneven_arm
from lab.analysis.slice_scatter import slice_scatter
from lab.driver_messages import Closed, Frame, Opened, RunTrial
from lab.errors import first_line
from lab.experiment.arm_identity_check import (
    not_restarted,
    process_ended,
    restarted,
    wrong_settings,
)
from lab.experiment.driver_message_conversion import load_spec, series_row
from lab.experiment.load_trial_builder import LoadRecordBuilder
from lab.experiment.metrics_source import metrics_source
from lab.experiment.progress_events import ArmsRestarting, Event, SecondElapsed
from lab.experiment.slice_schedule import (
    SliceSchedule,
    may_be_cut,
    schedule,
    whole_window,
    why_never_cut,
    why_unsure,
    why_whole,
)
from lab.experiment.sliced_block import SlicedBlock
from lab.gates import inspect
from lab.hypothesis import ClosedLoad, Hypothesis, LoadTest, OpenLoad, Stage
from lab.instruments.instrument_interfaces import (
    LaneDriver,
    ObserverFactory,
    SliceObserverFactory,
    TrialObserver,
)
from lab.instruments.locust_driver_process import DriverError
from lab.instruments.slice_observer import LiveSliceObserver
from lab.instruments.trial_observer import LiveTrialObserver
from lab.measures.number_format import percentage, seconds
from lab.runs.run_folder import SLICES_CHANGED, RunFolder
from lab.system import DRIVER
from lab.targets.target_interface import ProfiledCopy, Target, TargetError
from lab.trials.block_grouping import group_trials, slice_count
from lab.trials.plan import Plan
from lab.trials.trial import CARRY_OVER, Fault, LoadEvidence, Trial
from lab.trials.worker_records import FleetRecord, within_block

PROFILE_WARMUP_S = 0.5
PROFILE_WINDOW_S = 2.0
MOST_LONGER = 2  # times that slices are made longer: more voided blocks would end the run


class LoadTrials:
    """Trials of the arms of a target, loaded by a driver."""

    def __init__(
        self,
        hypothesis: Hypothesis,
        plan: Plan,
        run_folder: RunFolder,
        target: Target,
        driver: LaneDriver,
        new_observer: ObserverFactory = LiveTrialObserver,
        new_slice_observer: SliceObserverFactory = LiveSliceObserver,
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
        self._new_slice_observer = new_slice_observer
        self._margins = plan.margins.slices
        self._schedule: SliceSchedule | None = None  # not known before the first warm-up
        self._same_schedule: list[Trial] = []  # of the blocks so far whose slices were as long
        self._first_fleet: tuple[int, FleetRecord] | None = None  # of the block of this number
        if not may_be_cut(self._test, list(hypothesis.arms)):
            self._schedule = whole_window(self._test.window_s)
            return
        self._resume_schedule()
        reason = why_never_cut(hypothesis, is_switched=target.is_switched, workers=plan.workers)
        if reason is not None and self._schedule is None:
            self._schedule = whole_window(self._test.window_s)
            self._note_schedule(None, reason)

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
        if fault := self._reset(blank.arm):
            return replace(blank, faults=(fault,))
        return (yield from self._drive(blank))

    def in_turn(self, blanks: Sequence[Trial]) -> Generator[Event, None, Sequence[Trial] | None]:
        """The trials of a block, its arms loaded in turn; with faults if the block is void.

        Returns:
            None if the arms are to be loaded one after the other.
        """
        if self._schedule is not None and not self._schedule.is_cut:
            return None
        block = SlicedBlock(
            self.hypothesis,
            self.run_folder,
            self.target,
            self.driver,
            self._new_slice_observer,
            self._reset,
            self._identity_fault,
            self.plan.margins,
        )
        requests = [(blank, self._request(blank, self._test.load_at(None))) for blank in blanks]
        seed = f"{self.plan.seed}-{blanks[0].block}"
        trials = yield from block.run(requests, self._schedule_for, seed)
        too_short = ""
        if trials is None:
            too_short = block.why_too_long
        elif not any(trial.faults for trial in trials):
            too_short = why_unsure(trials, self._margins) or ""
        if too_short:
            earlier = blanks[0].block - 1
            self._lengthen(earlier or None, whole_window(self._test.window_s), too_short)
            return None
        return None if trials is None else self._without_carry_over(trials)

    def _without_carry_over(self, trials: Sequence[Trial]) -> Sequence[Trial]:
        """The trials of a block; void if arms have left something to each other.

        Later blocks then have longer slices, or whole windows.
        """
        faults = [fault for trial in trials for fault in trial.faults]
        if left := [fault.message for fault in faults if fault.gate == CARRY_OVER]:
            self._lengthen(trials[0].block, whole_window(self._test.window_s), left[0])
        if faults:
            return trials
        self._same_schedule += trials
        longer = whole_window(self._test.window_s)
        if uneven := uneven_arm(self._same_schedule, self._margins):
            messages = dict([uneven])
        else:
            found = carry_over_by_arm(self._same_schedule, self._margins)
            messages = {each.arm: carry_over_message(each) for each in found if each.is_significant}
            times = sum(entry.get("void", entry["block"] is not None) for entry in self._changes())
            if self._schedule is not None and times < MOST_LONGER:
                longer = self._schedule.longer(self._test.window_s, self._margins.min_rounds)
        if not messages:
            self._calm(trials)
            return trials
        self._lengthen(trials[0].block, longer, " ".join(messages.values()))
        return [
            replace(trial, faults=(Fault(CARRY_OVER, messages[trial.arm]),))
            if trial.arm in messages
            else trial
            for trial in trials
        ]

    def _calm(self, trials: Sequence[Trial]) -> None:
        """Make the slices longer after the first block that counts, if those of it scatter far.

        What changes within tenths of a second does not cancel between shorter ones.
        """
        assert isinstance(self._test.load, ClosedLoad)
        assert self._schedule is not None
        is_first = len(self._same_schedule) == len(trials) and not self._changes()
        if not is_first or self._test.load.slice_s is not None or not self._margins.max_scatter:
            return
        scatter = slice_scatter(trials)
        calmer = self._schedule.calmer(self._test.window_s, self._margins)
        if scatter is not None and scatter > self._margins.max_scatter and calmer is not None:
            self._lengthen(
                trials[0].block,
                calmer,
                f"slices of {seconds(self._schedule.seconds)} scatter so far that they give the "
                f"ratio of two arms a standard error of {percentage(scatter)} (limit "
                f"{percentage(self._margins.max_scatter)})",
                is_void=False,
            )

    def _lengthen(
        self, block: int | None, schedule: SliceSchedule, reason: str, *, is_void: bool = True
    ) -> None:
        self._schedule, self._same_schedule = schedule, []
        self._note_schedule(block, reason, is_void=is_void and block is not None)

    def _note_schedule(self, block: int | None, reason: str, *, is_void: bool = False) -> None:
        """Keep it for the report, and for a run that is resumed.

        Args:
            block: After which it changed; None: it holds from the first one on.
            reason: Why, as a clause.
            is_void: Whether that block is void for it.
        """
        assert self._schedule is not None
        self.run_folder.add_journal(
            SLICES_CHANGED,
            block=block,
            rounds=self._schedule.rounds,
            slice_s=round(self._schedule.seconds, 6),
            void=is_void,
            reason=reason,
        )

    def _changes(self) -> list[dict[str, Any]]:
        return [e for e in self.run_folder.journal() if e["event"] == SLICES_CHANGED]

    def _resume_schedule(self) -> None:
        """Go on with the slices of an earlier session of the run, or what it has found out."""
        blocks = group_trials(self.run_folder.trials(), self.plan).complete
        counted = [trial for block in blocks for own in block.values() for trial in own]
        rounds = slice_count(counted[-1]) if counted else None
        if changes := self._changes():
            rounds = int(changes[-1]["rounds"])
        if rounds is not None:
            self._schedule = SliceSchedule(rounds, self._test.window_s / rounds)
            self._same_schedule = [each for each in counted if slice_count(each) == rounds]

    def _schedule_for(self, cycles: Sequence[float | None]) -> SliceSchedule:
        """The slices of this and all later blocks, once the cycles suffice to tell."""
        if self._schedule is not None:
            return self._schedule
        found = schedule(self._test, cycles, self._margins)
        if not found.is_cut:
            self._schedule = found
            self._note_schedule(None, why_whole(self._test, cycles, self._margins))
        elif len(cycles) == len(self.hypothesis.arms):
            self._schedule = found
        return found

    def _reset(self, arm: str) -> Fault | None:
        """Bring an arm to its seeded state; a fault if that fails, or if it is not itself."""
        try:
            self.target.activate(arm)
        except TargetError as error:
            return Fault("alive", f"{error}.", retryable=False)
        if fault := self._identity_fault(arm):
            return fault
        try:
            self.target.reset(arm)
        except Exception as error:
            problem = first_line(error)
            return self._identity_fault(arm) or Fault(
                "alive", f"Arm {arm} cannot be reset: {problem}", retryable=False
            )
        fault = self._identity_fault(arm)
        return fault and replace(fault, message=f"After its reset: {fault.message}")

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
        evidence = replace(record.evidence(), loaded=self.target.loaded.role)
        if evidence.fleet is not None:
            fleet = self._compared_in_block(evidence.fleet, blank.block)
            evidence = replace(evidence, fleet=fleet)
        trial = _observed(blank, evidence, observer)
        if fault := self._identity_fault(arm) or fault:
            trial = replace(trial, faults=(fault,))
        return inspect(
            trial,
            self.hypothesis,
            record.task_errors,
            record.warmup_errors,
            margins=self.plan.margins,
            names=self.target.loaded.metric_names,
            is_proved=self.target.proves_settings,
            workers=self.plan.workers,
        )

    def _compared_in_block(self, fleet: FleetRecord, block: int) -> FleetRecord:
        """The workers of a trial; those that have replaced others within its block are at fault."""
        if self._first_fleet is None or self._first_fleet[0] != block:
            self._first_fleet = block, fleet
        return within_block(self._first_fleet[1], fleet)

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
            metrics_source(self.target, arm, self.hypothesis),
            {**self.target.roles(arm), DRIVER: (self.driver.pid,)},
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
        gauges=observer.gauges,
        usage=observer.usage,
        metrics=observer.metrics,
    )
    return observer.background.added_to(replace(blank, evidence=evidence))
