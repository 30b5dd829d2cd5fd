"""One trial in the driver: set up the load, run it frame by frame, wait for the last answers."""

from __future__ import annotations

import gc
import math
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any, Protocol

from locust import TaskSet, User
from locust.env import Environment

from lab.driver.abandoned_requests import watch_requests
from lab.driver.closed_load import ClosedLoadRunner
from lab.driver.drain import drain
from lab.driver.host_recorder import HostRecorder
from lab.driver.lateness_ticker import LatenessTicker
from lab.driver.locust_environment import (
    TrialEnvironment,
    TrialRunner,
    end_of_test,
    event,
    limit_listeners,
    new_environment,
    new_runner,
    watch_statistics,
)
from lab.driver.open_load import OpenLoadRunner
from lab.driver.overridden_times import watch_response_times
from lab.driver.request_recorder import RequestRecorder
from lab.driver.scenario_faults import ENDS, ScenarioFaults, exit_text
from lab.driver.scenario_import import Scenario
from lab.driver.source_location import SourceLocation, of_error, of_function
from lab.driver.stage_watch import FROZEN_S, StageWatch
from lab.driver.start_progress import StartProgress
from lab.driver.trial_frames import CpuMeter, frame_edges
from lab.driver.trial_process import flush_files
from lab.driver.user_cycles import phases
from lab.driver.worker_share import own_seed
from lab.driver_messages import (
    Closed,
    ClosedLoadSpec,
    Frame,
    LaneMessage,
    Notice,
    Opened,
    Ready,
    RecordedRequests,
    RunTrial,
    TrialMessage,
    UnfinishedArrivals,
)

START_S = 20.0  # limit for users and their `on_start`, since the last of them has ended it

Load = ClosedLoadRunner | OpenLoadRunner


class Sender(Protocol):
    """Takes the messages of a trial."""

    def send(self, message: TrialMessage | LaneMessage | Notice | Ready) -> None:
        """Send one."""


class TrialRun:
    """Loads a host once; the process is for this trial alone.

    It sends `Opened`, a `Frame` about every second, and `Closed`. The window opens `warmup_s` after
    all users run. No frame straddles its edges, nor those of an open load's stages. For an open
    load, what ends after the window comes with `Closed`: it was scheduled within the window. If
    the scenario ends the trial, or it cannot go on because of the scenario, `Closed` comes early.
    """

    def __init__(
        self,
        scenario: Scenario,
        trial: RunTrial,
        faults: ScenarioFaults,
        watch: StageWatch,
        sender: Sender,
    ) -> None:
        """Nothing runs yet.

        Args:
            scenario: As it was imported.
            trial: What to load, and for how long.
            faults: Gets those of the scenario.
            watch: Ends the process if the scenario hangs.
            sender: Takes the messages.
        """
        self._scenario, self._trial = scenario, trial
        self._faults, self._watch, self._sender = faults, watch, sender
        self._hosts = HostRecorder(trial.host)
        self._recorder = RequestRecorder(self._hosts)
        self._early_flaws: dict[str, int] = {}  # of reports before the load began
        self._runner: TrialRunner | None = None
        self._load: Load | None = None  # that was started
        self._completed = False
        self._fired_before = 0  # events of requests before the load began

    def run(self) -> None:
        """Run the trial. Raises what is a fault of the lab."""
        random.seed(own_seed(self._trial))
        limit_listeners(self._watch)
        with self._scenario_errors():
            self._measure()
        drained = True
        if self._load is not None and self._runner is not None:
            with self._scenario_errors():
                drained = drain(self._runner, self._load, self._faults, self._watch)
            if self._completed and drained and event("request").fired == self._fired_before:
                self._faults.idle(_first_task(self._scenario.classes))
            self._load.disconnect()
            with self._scenario_errors():
                self._end_test(self._runner.environment)
        self._close(drained)

    @contextmanager
    def _scenario_errors(self) -> Iterator[None]:
        """Note an error of the scenario, after which the trial cannot go on."""
        try:
            yield
        except ENDS as error:
            self._faults.ended_itself(exit_text(error), of_error(error))
        except BaseException as error:  # whatever a scenario takes for an exception
            if of_error(error) is None and not self._faults.any:
                raise
            self._faults.raised_and_over(error)

    def _measure(self) -> None:
        environment = new_environment(
            self._scenario.path, self._scenario.classes, self._trial.host, self._users
        )
        self._runner = runner = new_runner(environment, self._faults)
        event("request").add_first(self._recorder.on_request)
        event("user_error").add_first(self._faults.on_user_error)
        watch_response_times(self._recorder.on_overridden_time)
        watch_requests(runner, self._faults)
        watch_statistics(environment, self._recorder)
        environment.events.init.fire(environment=environment, runner=runner, web_ui=None)
        if self._faults.any:
            return
        load = self._new_load(runner, self._scenario.classes)
        with _heap_frozen():
            self._load = load
            with (
                self._watch.stage("its users and their on_start", START_S, "on_start") as stage,
                closing(StartProgress(runner, stage, self._watch)),
            ):
                load.start()
            if not self._faults.any:
                self._drive(runner, load)
                self._completed = not self._faults.over.is_set()

    @property
    def _users(self) -> int | None:
        load = self._trial.load
        return load.users if isinstance(load, ClosedLoadSpec) else None

    def _new_load(self, runner: TrialRunner, classes: list[type[User]]) -> Load:
        trial = self._trial
        if isinstance(trial.load, ClosedLoadSpec):
            return ClosedLoadRunner(
                runner,
                classes,
                trial.load,
                self._faults,
                trial.share,
                self._phases(),
                trial.warmup_s,
            )
        return OpenLoadRunner(runner, classes, trial, trial.load, self._faults)

    def _phases(self) -> Iterator[float] | None:
        """Where in their think times users of a closed load begin."""
        return phases(own_seed(self._trial))

    def _drive(self, runner: TrialRunner, load: Load) -> None:
        """Load the host, all users being ready."""
        with closing(LatenessTicker()) as ticker:
            self._run_frames(runner, load, ticker)

    def _note_early(self, until: float) -> Mapping[str, int]:
        """Keep the flaws of what was reported so far; returns the errors of its requests."""
        self._fired_before = event("request").fired
        self._hosts.take()  # `on_start` may log in elsewhere
        earlier = self._recorder.take(until)
        self._early_flaws = dict(earlier.task_errors)
        return earlier.errors

    def _run_frames(self, runner: TrialRunner, load: Load, ticker: LatenessTicker) -> None:
        edges = frame_edges(self._trial)
        started = self._await_begin(runner)
        if started is None:
            return  # the trial is void
        ticker.take()  # what was before is in no frame
        opens = started + self._trial.warmup_s
        errors = self._note_early(started)  # by `on_start`
        if isinstance(load, OpenLoadRunner):
            self._recorder.expect_arrivals(edges, started)
        load.begin(started)
        late_s = 0.0 if self._trial.share is None else time.monotonic() - started
        closes = opens + self._trial.window_s
        self._sender.send(Opened(started, opens, closes, errors=errors, late_s=round(late_s, 6)))
        cpu = CpuMeter(started)
        with self._watch.stage("a greenlet that never yields", FROZEN_S) as stage:
            for edge in edges:
                if self._faults.over.wait(max(0.0, started + edge - time.monotonic())):
                    return  # the trial is void, and the scenario ended it
                stage.extend()
                driver_cpu = cpu.take()
                self._sender.send(
                    Frame(
                        t=round(edge, 6),
                        in_window=edge > self._trial.warmup_s + 1e-9,
                        driver_cpu=driver_cpu,
                        ticker_lateness=ticker.take(),
                        users=runner.user_count,
                        arrivals=load.arrivals(started + edge),
                        **vars(self._recorded(started + edge)),
                    )
                )
                stage.extend()

    def _await_begin(self, runner: TrialRunner) -> float | None:
        """When the load begins, in monotonic seconds, not later than now; None if it does not."""
        return time.monotonic()

    def _recorded(self, until: float) -> RecordedRequests:
        """What no frame has reported yet, with the faults of the scenario."""
        hosts, recorded = self._hosts.take(), self._recorder.take(until)
        faults = Counter(self._faults.take()) + Counter(recorded.task_errors)
        faults += Counter(self._early_flaws)
        self._early_flaws = {}
        return replace(
            recorded,
            task_errors=dict(faults),
            **hosts,
        )

    def _end_test(self, environment: Environment) -> None:
        """Fire the last events; the exit code that the scenario wants is reported, no more."""
        assert isinstance(environment, TrialEnvironment)
        code = end_of_test(environment)
        if environment.process_exit_code:
            where = environment.exit_code_set_at
            self._sender.send(Notice(f"set the exit code {code} ({where})"))

    def _close(self, drained: bool) -> None:
        flush_files()  # the lab may end once it knows that the trial has ended
        recorded = self._recorded(math.inf)
        ended_late = sum(each.count for each in recorded.requests.values())
        if self._completed and isinstance(self._load, ClosedLoadRunner):
            recorded = RecordedRequests(task_errors=recorded.task_errors)
        self._sender.send(
            Closed(
                drained=drained,
                early=not self._completed,
                unfinished=UnfinishedArrivals() if self._load is None else self._load.unfinished(),
                ended_late=ended_late,
                **vars(recorded),
            )
        )


def _first_task(classes: Sequence[type[User] | type[TaskSet]]) -> SourceLocation | None:
    """Where the scenario defines a task."""
    task: Any
    for owner in classes:
        for task in owner.tasks:
            place = _first_task([task]) if isinstance(task, type) else of_function(task)
            if place is not None:
                return place
    return None


@contextmanager
def _heap_frozen() -> Iterator[None]:
    """Exempt what is allocated now from collection: a full collection would pause the load."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
