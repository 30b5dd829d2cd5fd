"""One trial of a closed load whose window is cut into slices, beside trials of other arms."""

from __future__ import annotations

import math
import time
from collections import Counter
from contextlib import closing

from lab.driver.lane_gate import LaneGate
from lab.driver.lateness_ticker import LatenessTicker
from lab.driver.locust_environment import TrialRunner
from lab.driver.run_trial import Load, Sender, TrialRun
from lab.driver.scenario_faults import ScenarioFaults
from lab.driver.scenario_import import Scenario
from lab.driver.stage_watch import FROZEN_S, Stage, StageWatch
from lab.driver.trial_frames import CpuMeter
from lab.driver.trial_process import CommandPipe, flush_files
from lab.driver_messages import (
    DRAIN_S,
    EndLane,
    LaneEnded,
    LaneReady,
    ProtocolError,
    RecordedRequests,
    RunSlice,
    SliceEnded,
    StartLane,
    decode,
)

_PAUSE_S = 1.0  # the longest wait without a sign of life
_BEAT_S = 3.0  # the same between slices: a lane must not disturb the others


class LaneRun(TrialRun):
    """Loads a host in slices; the process is for this lane alone.

    It sends `LaneReady` after the warm-up, `SliceEnded` for each slice, and `LaneEnded`. Between
    slices nothing of it runs, unless the scenario has greenlets of its own.
    """

    def __init__(
        self,
        scenario: Scenario,
        start: StartLane,
        faults: ScenarioFaults,
        watch: StageWatch,
        sender: Sender,
    ) -> None:
        """Nothing runs yet.

        Args:
            scenario: As it was imported.
            start: The lane, and what to load.
            faults: Gets those of the scenario.
            watch: Ends the process if the scenario hangs.
            sender: Takes the messages.
        """
        super().__init__(scenario, start.trial, faults, watch, sender)
        self._lane = start.lane
        self._gate = LaneGate()
        self._gate.install()
        self._has_run = False  # any slice

    def _phases(self) -> None:
        """None: every slice lets all users go on together, and ends with their last answers."""

    def _drive(self, runner: TrialRunner, load: Load) -> None:
        commands = CommandPipe(self._faults.over)
        errors = Counter(self._note_early(time.monotonic()))
        with self._watch.stage("a greenlet that never yields", FROZEN_S) as stage:
            self._pass(stage, time.monotonic() + self._trial.warmup_s)
        cycle_s = self._gate.end_warm_up(self._trial.warmup_s)
        self._hold_users()
        flaws, fired = self._early_flaws, self._fired_before
        errors += Counter(self._note_early(math.inf))
        self._early_flaws = dict(Counter(flaws) + Counter(self._early_flaws))
        self._fired_before = fired
        if self._faults.over.is_set():
            return
        self._sender.send(LaneReady(self._lane, cycle_s, dict(errors)))
        while (line := self._next_command(commands)) is not None:
            match decode(line):
                case RunSlice() as request:
                    self._slice(runner, request.seconds)
                case EndLane():
                    if not self._has_run:
                        self._fired_before = -1  # it had no time to send requests
                    return
                case message:
                    raise ProtocolError(f"{type(message).__name__} is no command of a lane")

    def _slice(self, runner: TrialRunner, seconds: float) -> None:
        """Run one slice and report it, unless the scenario ends the trial within it."""
        self._has_run = True
        meanwhile = self._recorder.take(math.inf)  # by greenlets of the scenario
        self._early_flaws = dict(Counter(self._early_flaws) + Counter(meanwhile.task_errors))
        self._hosts.take()
        with closing(LatenessTicker()) as ticker:
            opened = time.monotonic()
            cpu = CpuMeter(opened)
            self._gate.open()
            with self._watch.stage("a greenlet that never yields", FROZEN_S) as stage:
                self._pass(stage, opened + seconds)
            closed = time.monotonic()
            completed = self._hold_users()
            ended = time.monotonic()
            driver_cpu, lateness = cpu.take(), ticker.take()
        if self._faults.over.is_set():
            return
        users = runner.user_count
        self._sender.send(
            SliceEnded(
                lane=self._lane,
                opened=opened,
                closed=closed,
                ended=ended,
                user_s=ended
                - opened
                + (self._gate.shortfall_s - self._gate.held_s) / max(users, 1),
                completed=completed,
                between=sum(each.count for each in meanwhile.requests.values()),
                users=users,
                ticker_lateness=lateness,
                driver_cpu=driver_cpu,
                **vars(self._recorded(math.inf)),
            )
        )

    def _next_command(self, commands: CommandPipe) -> bytes | None:
        """The next command; None if the scenario ends the trial before there is one."""
        with self._watch.stage("a greenlet that never yields", FROZEN_S) as stage:
            while (line := commands.next_line(_BEAT_S)) == b"":
                stage.extend()
        return line

    def _pass(self, stage: Stage, until: float) -> None:
        """Let the load run until then, or until the scenario ends the trial."""
        while (left_s := until - time.monotonic()) > 0:
            if self._faults.over.wait(min(left_s, _PAUSE_S)):
                return
            stage.extend()

    def _hold_users(self) -> bool:
        """Close the gate and wait until no user is within a task; whether that was in time."""
        self._gate.close()
        with self._watch.stage("the end of its users' tasks", DRAIN_S + FROZEN_S):
            completed = self._gate.wait_until_idle(DRAIN_S)
        self._gate.stop_clock()
        return completed

    def _close(self, drained: bool) -> None:
        flush_files()  # the lab may end once it knows that the lane has ended
        recorded = self._recorded(math.inf)
        if self._completed:
            recorded = RecordedRequests(task_errors=recorded.task_errors)
        self._sender.send(
            LaneEnded(lane=self._lane, drained=drained, early=not self._completed, **vars(recorded))
        )
