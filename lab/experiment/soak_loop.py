"""The loop of a soak: all arms side by side for hours, sampled every few seconds.

The time is cut into blocks. At the start of a block every arm gets fresh processes, and all arms
are driven at the same rate until the block ends: one soak trial per arm and block. Each interval is
on disk before the next begins. A trial that was interrupted (by a crash, or because the lab itself
ended) continues with fresh processes, as a new segment of the same trial.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lab.driver_messages import RunTrial
from lab.errors import first_line
from lab.experiment.driver_message_conversion import load_spec
from lab.experiment.driver_message_stream import DriverStream, ScenarioEndedTrial, WorkerLost
from lab.experiment.metrics_source import metrics_source
from lab.experiment.progress_events import BlockEnded, Event, IntervalElapsed
from lab.experiment.run_session import Session
from lab.experiment.soak_crash_restart import ArmState, CrashRestart
from lab.experiment.soak_trial_builder import SoakTrial
from lab.experiment.stored_run_reader import BUDGET_ENDED
from lab.gates import inspect, lacking_limits, may_come, why_no_counters, why_no_series
from lab.hypothesis import Hypothesis, SoakTest, Step
from lab.instruments.instrument_interfaces import BackgroundLoad, Driver
from lab.instruments.locust_driver_process import DriverError
from lab.instruments.soak_sampler import HttpIntervalSampler, IntervalSample, IntervalSampler
from lab.runs.run_folder import RunFolder
from lab.system import DRIVER
from lab.targets.target_interface import Target, TargetError, TargetFailure
from lab.trials.plan import Plan
from lab.trials.trial import Fault, SoakEvidence, SoakLoadStats, Trial
from lab.trials.worker_records import on_shared_cores
from lab.verdict.rule import judge

INTERVAL_S = 5.0
SWITCH_S = 8.0  # between two blocks: fresh processes, the seeded state, the last answers
GRACE_S = 1.0  # how late a driver's last frame of an interval may arrive
LEAST_INTERVALS = 12  # in a block: two thirds of them make the fewest bins of a slope
_CHANCE = 4.0  # standard deviations of the difference of two Poisson counts


def block_s(length_s: float, pairs: int, interval_s: float = INTERVAL_S) -> float:
    """Seconds for which an arm is driven in each block: whole intervals, without the switch."""
    return max(0.0, (length_s / pairs - SWITCH_S) // interval_s * interval_s)


def least_s(pairs: int) -> float:
    """Length of the shortest soak of so many blocks, seconds."""
    return pairs * (SWITCH_S + LEAST_INTERVALS * INTERVAL_S)


class SoakLoop(Session):
    """Runs the blocks of a soak."""

    def __init__(
        self,
        hypothesis: Hypothesis,
        plan: Plan,
        run_folder: RunFolder,
        target: Target,
        drivers: Mapping[str, Driver],
        began: float,
        new_sampler: Callable[[], IntervalSampler] = HttpIntervalSampler,
        interval_s: float = INTERVAL_S,
        invariants: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        assert isinstance(hypothesis.kind, SoakTest)
        assert plan.length_s is not None
        super().__init__(hypothesis, plan, run_folder, began, invariants)
        self._soak = hypothesis.kind
        self._target = target
        self._drivers = drivers
        self._new_sampler = new_sampler
        self._interval_s = interval_s
        self._block_s = block_s(plan.length_s, hypothesis.kind.pairs, interval_s)
        self._crash_restart = CrashRestart(target, allowed=bool(hypothesis.allow.crash))
        self._fresh = True  # the arms' processes were started just now

    def run(self) -> Iterator[Event]:
        """Run the blocks that are left; one that was interrupted continues."""
        ended = {(trial.block, trial.arm) for trial in self.run_folder.trials()}
        for block, order in enumerate(self.plan.orders, 1):
            if self.interim_verdict.verdict is not None:
                return
            # if the lab ended while it saved a block, some of its trials are saved and some not
            left = [step for step in order if (block, step.arm) not in ended]
            if not left:
                continue
            finished = yield from self._block(block, left)
            for trial in finished:
                self.run_folder.finish_soak_trial(trial)
            last = block == len(self.plan.orders)
            self.interim_verdict = judge(
                self.hypothesis, self.plan, self.run_folder.trials(), out_of_time=last
            )
            self.note("block", block=block)
            faults = tuple(fault for trial in finished for fault in trial.faults)
            yield BlockEnded(block, faults, self.interim_verdict)
        self.note(BUDGET_ENDED)

    def profiles(self) -> Iterator[Event]:
        """None: the arms of a soak differ in what grows, not in where time goes."""
        yield from ()

    def _block(self, block: int, steps: Sequence[Step]) -> Generator[Event, None, list[Trial]]:
        trials = {
            step.arm: self._open_trial(block, position, step)
            for position, step in enumerate(steps, 1)
        }
        left_s = self._block_s - max(trial.until for trial in trials.values())
        if left_s >= self._interval_s:
            try:
                self._renew_processes(trials)
                yield from self._drive(block, trials, left_s)
            except (TargetError, DriverError) as error:
                fault = Fault("alive", f"{error}.", retryable=False)
                if isinstance(error, ScenarioEndedTrial):
                    fault = Fault("scenario", f"The scenario {error}.", retryable=False)
                elif isinstance(error, WorkerLost):
                    fault = Fault("workers", f"{error}", retryable=False)
                for trial in trials.values():
                    trial.fault(fault)
        measured = _side_by_side([trial.whole() for trial in trials.values()])
        if self.hypothesis.is_soak_script:
            share = self.plan.margins.gates.min_script_share
            measured = _with_due_load(measured, self._soak.load.peak * share)
        return [
            inspect(
                trial,
                self.hypothesis,
                margins=self.plan.margins,
                names=self._target.loaded.metric_names,
                is_proved=self._target.proves_settings,
                workers=self.plan.workers,
            )
            for trial in measured
        ]

    def _open_trial(self, block: int, position: int, step: Step) -> SoakTrial:
        """A new trial, or the unfinished one of this block and arm."""
        known = self.run_folder.unfinished_soak_trial(block, step)
        if known is None:
            # the lab may have been killed between the first interval and the first record
            evidence = SoakEvidence(time_series=self.run_folder.time_series(block, step))
            known = Trial(block, position, step.arm, time.time(), 0.0, evidence=evidence)
        return SoakTrial(
            known,
            self._interval_s,
            self._target.loaded.role,
            may_restart=bool(self.hypothesis.allow.crash),
        )

    def _renew_processes(self, trials: Mapping[str, SoakTrial]) -> None:
        """Give every arm fresh processes, and the seeded state at the start of its trial."""
        if not self._fresh:
            self._target.restart(*trials)
        for arm, trial in trials.items():
            if self._fresh or not trial.until:  # a session begins with databases of its own
                try:
                    self._target.reset(arm)
                except TargetError as error:
                    problem = f"arm {arm} cannot be reset: {first_line(error)}"
                    raise TargetFailure(problem) from error
        for trial in trials.values():
            trial.begin_segment()
        self._fresh = False

    def _drive(self, block: int, trials: Mapping[str, SoakTrial], left_s: float) -> Iterator[Event]:
        sampler = self._new_sampler()
        streams = {arm: self._stream(block, arm, left_s) for arm in trials}
        try:
            openings = {arm: stream.opening() for arm, stream in streams.items()}
            for arm, trial in trials.items():
                trial.open(openings[arm])
            opened = max(opening.opens for opening in openings.values())
            for arm in trials:
                self._attach(sampler, arm)
            base_s = max(trial.until for trial in trials.values())
            background = BackgroundLoad(0.0, 0.0)
            last = int(left_s / self._interval_s + 1e-9)
            for index in range(1, last + 1):
                until_s = index * self._interval_s
                for arm, trial in trials.items():
                    for frame in streams[arm].frames(until_s, opened + until_s + GRACE_S):
                        trial.add(frame)
                # a sample that comes this late is one of another time: the next one has its growth
                is_late = index < last and time.monotonic() > opened + until_s + self._interval_s
                samples = {arm: IntervalSample() for arm in trials}
                if not is_late:
                    samples, background = sampler.sample()
                sampled_at = time.monotonic()
                for arm, trial in trials.items():
                    row = trial.interval(base_s + until_s, samples[arm], background)
                    self.run_folder.add_interval(block, trial.step, row, trial.trial())
                yield IntervalElapsed(block, base_s + until_s, self._block_s, trials)
                if not is_late and self._must_stop(sampler, trials, samples, sampled_at):
                    return
                if index == LEAST_INTERVALS and self._lacks_series(trials):
                    return
            for arm, trial in trials.items():
                trial.close(streams[arm].close())
        finally:
            sampler.close()

    def _attach(self, sampler: IntervalSampler, arm: str) -> None:
        # of all arms: their drivers share a core
        drivers = tuple(driver.pid for driver in self._drivers.values())
        roles = {**self._target.roles(arm), DRIVER: drivers}
        source = metrics_source(self._target, arm, self.hypothesis)
        sampler.attach(arm, source, roles)

    def _stream(self, block: int, arm: str, left_s: float) -> DriverStream:
        trial = RunTrial(
            host=self._target.url(arm),
            load=load_spec(self._soak.load.over(left_s)),
            warmup_s=0.0,
            window_s=left_s,
            seed=f"{self.plan.seed}-{block}",  # the same arrivals for every arm
        )
        return DriverStream(self._drivers[arm].drive(trial), arm)

    def _lacks_series(self, trials: Mapping[str, SoakTrial]) -> bool:
        """Whether a series that the hypothesis names was never seen: hours would be lost."""
        lacks = False
        for arm, trial in trials.items():
            if unseen := next(self._unseen(arm, trial), None):
                name, reason = unseen
                message = f"No evidence for {name} of arm {arm}: {reason}."
                trial.fault(Fault("evidence", message, retryable=False))
                lacks = True
        return lacks

    def _unseen(self, arm: str, trial: SoakTrial) -> Iterator[tuple[str, str]]:
        """What is needed of an arm and has no series so far, each with the reason."""
        needed = [p for p in self.hypothesis.all_predictions if arm in p.arms]
        names = [p.slope for p in needed if p.slope is not None]
        if self._soak.exhaustion is not None:
            names.append(self._soak.exhaustion.series)
        recorded, so_far = trial.time_series(), trial.trial()
        service = so_far.service
        for name in names:
            if reason := why_no_series(name, recorded, service.metrics):
                yield name, reason
        for prediction in needed:
            metric = self.hypothesis.measures.get(prediction.measure)
            if metric is None or may_come(metric, service):
                continue
            if reason := why_no_counters(metric, service):
                yield prediction.measure, reason
        yield from lacking_limits(so_far, self.hypothesis).items()

    def _must_stop(
        self,
        sampler: IntervalSampler,
        trials: Mapping[str, SoakTrial],
        samples: Mapping[str, IntervalSample],
        sampled_at: float,
    ) -> bool:
        """Whether the block cannot continue; an arm that may crash is started again."""
        for arm, trial in trials.items():
            state = self._crash_restart.check(arm, trial, samples[arm], sampled_at)
            if state is ArmState.FAILED:
                return True
            if state is ArmState.RESTARTED:
                self._attach(sampler, arm)
        if changed := self.changed_conditions():
            next(iter(trials.values())).fault(changed)
            return True
        return False


def _side_by_side(trials: Sequence[Trial]) -> list[Trial]:
    """Trials of one block, the workers of each charged with what those of all arms used."""
    fleets = [trial.service.fleet for trial in trials]
    known = [fleet for fleet in fleets if fleet is not None]
    return [
        trial if fleet is None else _with(trial, fleet=on_shared_cores(fleet, known))
        for trial, fleet in zip(trials, fleets, strict=True)
    ]


def _with_due_load(trials: Sequence[Trial], rate: float) -> list[Trial]:
    """Trials of one block whose load scripts make, with what was due.

    A script reports no schedule: most of what its rate makes is expected of all, or what one has
    sent if that is more, less by what chance makes of equal rates.

    Args:
        trials: Of all arms.
        rate: Requests a second that are expected at least.
    """
    counts = [sum(each.count for each in trial.service.requests.values()) for trial in trials]
    most = max(counts)
    return [
        _with(trial, load_stats=_due(_stats_of(trial), count, max(most, rate * trial.window_s)))
        for trial, count in zip(trials, counts, strict=True)
    ]


def _due(known: SoakLoadStats, count: int, expected: float) -> SoakLoadStats:
    due = max(0, math.floor(expected - _CHANCE * math.sqrt(2 * expected)))
    return replace(known, scheduled=due, sent=min(count, due))


def _stats_of(trial: Trial) -> SoakLoadStats:
    assert isinstance(trial.evidence, SoakEvidence)
    return trial.evidence.load_stats


def _with(trial: Trial, **changes: Any) -> Trial:
    assert isinstance(trial.evidence, SoakEvidence)
    return replace(trial, evidence=replace(trial.evidence, **changes))
