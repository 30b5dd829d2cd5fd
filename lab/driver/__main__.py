"""The driver process: it reads messages of `lab.driver_messages` and answers on standard output.

It imports the scenario and does nothing else with it: each trial runs in a fork of it, one after
the other, or side by side as lanes. When its input ends, the driver exits at once, also in the
middle of a trial.
"""

from __future__ import annotations

import contextlib
import os
import signal
import traceback
from collections.abc import Callable
from pathlib import Path

# Locust patches sockets and threads on import: before anything else does network work
import gevent  # noqa: F401
import locust  # noqa: F401

from lab import network_guard
from lab.driver import scenario_check, scenario_import, trial_process
from lab.driver.arrival import carry_into_thread_pools
from lab.driver.import_guard import RefusedScenarioError
from lab.driver.locust_environment import OptionError, watch_events
from lab.driver.message_pipe import MessagePipe
from lab.driver.run_lane import LaneRun
from lab.driver.run_trial import TrialRun
from lab.driver.scenario_faults import ENDS, ScenarioFaults, exit_text, first_line
from lab.driver.scenario_import import Scenario
from lab.driver.shared_trial import SharedTrialRun
from lab.driver.source_location import of_error
from lab.driver.stage_watch import StageWatch
from lab.driver.watch_reports import LoadReports, RehearsalReports, TrialReports, failed
from lab.driver_messages import (
    Begin,
    EndLane,
    EndTrial,
    Failed,
    LoadScenario,
    ProtocolError,
    RunSlice,
    RunTrial,
    StartLane,
    Up,
    decode,
)

_IMPORT_S = 20.0
_SHARED = ""  # in place of a lane's name: the trial of which this process has a share


class Driver:
    """Serves the requests of the lab, one after the other."""

    def __init__(self) -> None:
        self._pipe = MessagePipe()
        self._requests = trial_process.RequestPipe()
        self._faults = ScenarioFaults()
        self._scenario: Scenario | None = None
        self._limit_factor = 1.0
        self._lanes: dict[str, int] = {}  # descriptors to write commands to
        trial_process.adopt_orphans()
        carry_into_thread_pools()
        watch_events(self._faults)
        self._faults.watch_greenlets()
        self._faults.watch_log()
        network_guard.install(network_guard.allowed_by_environment(), self._faults.refused)

    def serve(self) -> None:
        """Until the input ends."""
        self._pipe.send(Up())
        while True:
            line = self._requests.next_line()
            try:
                match decode(line):
                    case LoadScenario() as request:
                        self._limit_factor = request.limit_factor
                        self._load(Path(request.path), request.open_load)
                    case RunTrial(share=None) as trial if self._scenario is not None:
                        self._run(self._scenario, trial)
                    case RunTrial() as trial if self._scenario is not None:
                        self._start_shared(self._scenario, trial)
                    case StartLane() as start if self._scenario is not None:
                        self._start_lane(self._scenario, start)
                    case RunSlice() | EndLane() as command:
                        self._pass_on(command.lane, line)
                    case Begin() | EndTrial():
                        self._pass_on(_SHARED, line)
                    case message:
                        raise ProtocolError(f"{type(message).__name__} is no request now")
            except Exception as error:
                self._fail(error)

    def _load(self, path: Path, open_load: bool) -> None:
        watch = self._watch(LoadReports(self._pipe), trial_process.leave)
        try:
            with watch.stage("its import", _IMPORT_S):
                scenario = scenario_import.load(path, open_load)
        except ENDS as error:
            where = of_error(error)
            self._pipe.send(failed(f"its import ended the process by {exit_text(error)}", where))
            return
        except BaseException as error:  # whatever a scenario takes for an exception
            self._fail(error)
            return
        if self._faults.any:
            self._pipe.send(self._faults.as_failure())
            return
        if self._in_fork(lambda: self._rehearse(scenario), scenario):
            self._scenario = scenario

    def _rehearse(self, scenario: Scenario) -> None:
        reports = RehearsalReports(self._pipe, scenario)
        watch = self._watch(reports, trial_process.end)
        try:
            scenario_check.rehearse(scenario, self._faults, watch)
        except ENDS as error:
            self._faults.ended_itself(exit_text(error), of_error(error))
        except OptionError as error:
            self._pipe.send(Failed(f"its command-line options: {error}", None))
            return
        except BaseException as error:
            if of_error(error) is None:
                raise
            self._faults.raised(error)
        reports.conclude(self._faults.as_failure() if self._faults.any else None)

    def _run(self, scenario: Scenario, trial: RunTrial) -> None:
        def work() -> None:
            reports = TrialReports(self._pipe, self._faults)
            watch = self._watch(reports, trial_process.end)
            TrialRun(scenario, trial, self._faults, watch, self._pipe).run()

        self._in_fork(work, scenario)

    def _start_shared(self, scenario: Scenario, trial: RunTrial) -> None:
        def work(watch: StageWatch) -> None:
            SharedTrialRun(scenario, trial, self._faults, watch, self._pipe).run()

        self._fork_commanded(scenario, _SHARED, TrialReports(self._pipe, self._faults), work)

    def _start_lane(self, scenario: Scenario, start: StartLane) -> None:
        def work(watch: StageWatch) -> None:
            LaneRun(scenario, start, self._faults, watch, self._pipe).run()

        reports = TrialReports(self._pipe, self._faults, start.lane)
        self._fork_commanded(scenario, start.lane, reports, work)

    def _fork_commanded(
        self,
        scenario: Scenario,
        lane: str,
        reports: TrialReports,
        work: Callable[[StageWatch], None],
    ) -> None:
        """Fork a process that gets commands while it works; it stays beside others."""

        def work_watched() -> None:
            os.close(write)
            work(self._watch(reports, trial_process.end))

        def ended(status: int) -> None:
            if self._lanes.get(lane) == write:
                del self._lanes[lane]
            trial_process.close(write)
            self._report_end(status)

        read, write = os.pipe()
        child = trial_process.fork(self._guarded(work_watched), scenario.files, read)
        trial_process.close(read)
        self._lanes[lane] = write
        self._requests.watch(child, ended)

    def _pass_on(self, lane: str, line: bytes) -> None:
        """Give a command to a lane, unless the lane has ended, which is reported otherwise."""
        if lane in self._lanes:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._lanes[lane], line + b"\n")

    def _watch(self, reports: LoadReports, end_process: Callable[[], None]) -> StageWatch:
        trial_process.watch_exit(reports.exits)
        return StageWatch(reports, end_process, self._limit_factor)

    def _in_fork(self, work: Callable[[], None], scenario: Scenario) -> bool:
        """Do it in a process of its own; whether that ended as it should."""
        child = trial_process.fork(self._guarded(work), scenario.files)
        return self._report_end(self._requests.wait_for(child))

    def _guarded(self, work: Callable[[], None]) -> Callable[[], None]:
        def guarded() -> None:
            try:
                work()
            except BaseException as error:
                self._fail(error)

        return guarded

    def _report_end(self, status: int) -> bool:
        """Whether a process ended as it should; reported if not."""
        if status == trial_process.FINISHED:
            return True
        how = signal.Signals(-status).name if status < 0 else f"exit code {status}"
        self._pipe.send(Failed(f"its process for this trial was ended by {how}", None))
        return False

    def _fail(self, error: BaseException) -> None:
        traceback.print_exc()
        self._pipe.send(_failure(error))


def _failure(error: BaseException) -> Failed:
    """The message, with the line of the scenario if the error comes from there."""
    name = type(error).__name__
    text = first_line(error)
    if isinstance(error, RefusedScenarioError):
        return Failed(text, error.line, error.file)
    return failed(f"{name}: {text}" if text else name, of_error(error))


if __name__ == "__main__":
    Driver().serve()
