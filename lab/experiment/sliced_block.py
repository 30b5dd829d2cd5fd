"""One block of a closed load whose arms are loaded in turn, a slice each, again and again.

A machine that changes its speed for tenths of a second to seconds then meets all arms alike
(randomized multiple interleaved trials: Abedi & Brecht, 2017).
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

from lab.decision_margins import DecisionMargins
from lab.driver_messages import LaneEnded, RunTrial, SliceEnded
from lab.experiment.metrics_source import metrics_source
from lab.experiment.progress_events import Event, SecondElapsed, TrialBegun
from lab.experiment.slice_schedule import SliceSchedule
from lab.experiment.sliced_trial_builder import SlicedRecordBuilder, SliceSurroundings
from lab.gates import inspect
from lab.hypothesis import ClosedLoad, Hypothesis, LoadTest, MetricRate, MetricRatio
from lab.instruments.instrument_interfaces import (
    LaneDriver,
    SliceObserver,
    SliceObserverFactory,
)
from lab.instruments.locust_driver_process import DriverError
from lab.measures.number_format import seconds
from lab.runs.run_folder import RunFolder, SeriesWriter
from lab.system import DRIVER
from lab.targets.target_interface import Target
from lab.trials.measure_values import selectors
from lab.trials.trial import CARRY_OVER, Fault, Trial

IDLE_LIMIT_S = 0.2  # that the next slice waits, at most
IDLE_LIMIT_SHARE = 0.25  # of a slice
TOO_LONG = 4.0  # times its slices; a block that takes longer, and over `TOO_LONG_S` more, is ended
TOO_LONG_S = 30.0

CheckArm = Callable[[str], Fault | None]


class _Lane:
    """One arm of the block."""

    def __init__(
        self,
        blank: Trial,
        record: SlicedRecordBuilder,
        observer: SliceObserver,
        series: SeriesWriter,
        own_roles: Collection[str],
    ) -> None:
        self.blank, self.record, self.observer, self.series = blank, record, observer, series
        self._own_roles = own_roles
        self.is_open = True  # the driver has it
        self.is_stuck = False  # its users did not come back from a slice
        self.fault: Fault | None = None

    def ended(self, message: LaneEnded) -> None:
        self.is_open = False
        self.record.close(message)

    def work_s(self) -> float:
        """Processor time of the processes that the arm shares with no other."""
        return self.observer.work_s(self._own_roles)

    def trial(self, loaded: str) -> Trial:
        """What was recorded; `loaded` is the role that load went to."""
        evidence = replace(
            self.record.evidence(),
            usage=self.observer.usage,
            metrics=self.observer.metrics,
            loaded=loaded,
        )
        trial = replace(
            self.blank,
            evidence=evidence,
            window_s=round(self.record.window_s, 6),
            faults=() if self.fault is None else (self.fault,),
        )
        return self.observer.background.added_to(trial)


class SlicedBlock:
    """Runs a block.

    Attributes:
        why_too_long: Why its slices took so much time that it was ended, as a clause; else empty.
    """

    def __init__(
        self,
        hypothesis: Hypothesis,
        run_folder: RunFolder,
        target: Target,
        driver: LaneDriver,
        new_observer: SliceObserverFactory,
        reset_arm: CheckArm,
        check_arm: CheckArm,
        margins: DecisionMargins,
    ) -> None:
        """Take what a block needs.

        Args:
            hypothesis: Of a closed load.
            run_folder: Takes a row per slice.
            target: Runs the arms.
            driver: Loads them.
            new_observer: Makes the observer of an arm.
            reset_arm: Brings an arm to its seeded state; returns a fault if that fails.
            check_arm: Returns a fault if an arm does not answer as itself.
            margins: Of the plan.
        """
        assert isinstance(hypothesis.kind, LoadTest)
        assert isinstance(hypothesis.kind.load, ClosedLoad)
        self._hypothesis, self._test, self._load = hypothesis, hypothesis.kind, hypothesis.kind.load
        self._run_folder, self._target, self._driver = run_folder, target, driver
        self._new_observer = new_observer
        self._reset_arm, self._check_arm = reset_arm, check_arm
        self._margins = margins
        self.why_too_long = ""
        self._selectors = [
            text
            for metric in hypothesis.measures.values()
            if isinstance(metric, MetricRatio | MetricRate)
            for text in selectors(metric)
        ]

    def run(
        self,
        requests: Sequence[tuple[Trial, RunTrial]],
        schedule_for: Callable[[Sequence[float | None]], SliceSchedule],
        seed: str,
    ) -> Generator[Event, None, Sequence[Trial] | None]:
        """Warm up all arms, one after the other, and load them in turn.

        Args:
            requests: A trial of each arm that has not begun, and what the driver gets for it.
            schedule_for: The slices for the median cycle of a user, of those arms that have warmed
                up so far. If the window is not to be cut, no other arm needs to.
            seed: Of the order of the slices.

        Returns:
            The trials, with faults if the block is void; None if the window is not to be cut, as
            before the first slice or as `why_too_long` says.
        """
        lanes: dict[str, _Lane] = {}
        unready: list[Trial] = []
        with ExitStack() as cleanup:
            try:
                schedule = yield from self._warm_up(requests, lanes, unready, schedule_for, cleanup)
                if schedule is not None:
                    yield from self._measure(lanes, schedule, seed)
                for lane in lanes.values():
                    if lane.is_open:
                        lane.ended(self._driver.end_lane(lane.blank.arm))
            except DriverError as error:
                schedule = None
                for lane in lanes.values():
                    lane.fault = Fault("alive", f"{error}", retryable=False)
        failed = [  # what the other arms lack is of no interest then
            lane
            for lane in lanes.values()
            if lane.fault is not None or lane.record.task_errors or lane.is_stuck
        ]
        if (schedule is None or self.why_too_long) and not failed and not unready:
            return None
        return unready or [self._judged(lane) for lane in failed or lanes.values()]

    def _warm_up(
        self,
        requests: Sequence[tuple[Trial, RunTrial]],
        lanes: dict[str, _Lane],
        unready: list[Trial],
        schedule_for: Callable[[Sequence[float | None]], SliceSchedule],
        cleanup: ExitStack,
    ) -> Generator[Event, None, SliceSchedule | None]:
        """Start all lanes; the slices, or None if there are none to run.

        An arm that cannot be reset is added to `unready`.
        """
        cycles: list[float | None] = []
        schedule: SliceSchedule | None = None
        for blank, request in requests:
            yield TrialBegun(blank.block, blank.position, blank.step)
            if fault := self._reset_arm(blank.arm):
                unready.append(replace(blank, faults=(fault,)))
                return None
            lane = lanes[blank.arm] = self._lane(blank, cleanup)
            message = self._driver.start_lane(blank.arm, request)
            if isinstance(message, LaneEnded):
                lane.ended(message)
                return None
            lane.record.ready(message)
            cycles.append(message.cycle_s)
            schedule = schedule_for(cycles)
            if not schedule.is_cut:
                return None
        return schedule

    def _lane(self, blank: Trial, cleanup: ExitStack) -> _Lane:
        arm = blank.arm
        target = self._target
        source = metrics_source(target, arm, self._hypothesis)
        observer = self._new_observer(source, {**target.roles(arm), DRIVER: (self._driver.pid,)})
        cleanup.callback(observer.close)
        series = self._run_folder.series_writer(blank.block, blank.step)
        cleanup.callback(series.close)
        record = SlicedRecordBuilder(self._load, self._selectors)
        return _Lane(blank, record, observer, series, self._own_roles(arm))

    def _own_roles(self, arm: str) -> list[str]:
        """The roles of an arm whose processes are of no other arm."""
        arms = self._hypothesis.arms
        shared = Counter(
            pid for each in arms for pids in self._target.roles(each).values() for pid in set(pids)
        )
        return [
            role
            for role, pids in self._target.roles(arm).items()
            if all(shared[pid] == 1 for pid in pids)
        ]

    def _measure(
        self, lanes: Mapping[str, _Lane], schedule: SliceSchedule, seed: str
    ) -> Generator[Event, None, None]:
        """Run all slices, unless the scenario ends a trial or they take too long."""
        planned_s, begun = len(lanes) * schedule.rounds * schedule.seconds, time.monotonic()
        limit_s = min(IDLE_LIMIT_S, IDLE_LIMIT_SHARE * schedule.seconds)
        orders = itertools.chain.from_iterable(schedule.orders(list(lanes), seed))
        for position, arm in enumerate(orders, 1):
            lane, others = lanes[arm], [each for name, each in lanes.items() if name != arm]
            began, others_s = time.monotonic(), sum(each.work_s() for each in others)
            lane.observer.begin()
            message = self._driver.run_slice(arm, schedule.seconds)
            if not isinstance(message, SliceEnded):
                lane.ended(message)
                return
            reading = lane.observer.end(message.ended - message.opened)
            idle_after_s = lane.observer.wait_until_idle(limit_s)
            around = SliceSurroundings(
                idle_after_s=idle_after_s,
                took_s=time.monotonic() - began,
                others_cpu_s=sum(each.work_s() for each in others) - others_s,
            )
            lane.record.add(position, message, reading, around)
            lane.series.add({**lane.record.row(message), **lane.observer.row()})
            count = sum(seen.count for seen in message.requests.values())
            yield SecondElapsed(count / max(message.user_s, 1e-9))
            if not message.completed:
                lane.is_stuck = True
                return
            passed_s = time.monotonic() - begun
            if passed_s > max(TOO_LONG * planned_s, planned_s + TOO_LONG_S):
                self.why_too_long = (
                    f"slices of {seconds(schedule.seconds)} took {seconds(passed_s / position)}, "
                    "the wait for the last answers of all users included"
                )
                return

    def _judged(self, lane: _Lane) -> Trial:
        trial = lane.trial(self._target.loaded.role)
        if fault := self._check_arm(trial.arm):
            trial = replace(trial, faults=(fault,))
        record = lane.record
        if record.between:
            trial = replace(trial, faults=(*trial.faults, _sent_between(trial.arm, record.between)))
        return inspect(
            trial,
            self._hypothesis,
            record.task_errors,
            record.warmup_errors,
            margins=self._margins,
            names=self._target.loaded.metric_names,
            is_proved=self._target.proves_settings,
        )


def _sent_between(arm: str, requests: int) -> Fault:
    return Fault(
        CARRY_OVER,
        f"The scenario sent {requests} requests to arm {arm} between slices, by greenlets beside "
        "its users' tasks, while another arm was loaded.",
        figure=requests,
    )
