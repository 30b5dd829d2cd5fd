"""One trial in the driver: set up the load, run it frame by frame, wait for the last answers."""

from __future__ import annotations

import gc
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace

import gevent
from locust import User
from locust.runners import STATE_INIT, LocalRunner

from lab.driver.closed_load import ClosedLoadRunner
from lab.driver.host_recorder import HostRecorder
from lab.driver.lateness_ticker import LatenessTicker
from lab.driver.locust_environment import TrialEventHook, trial_listeners
from lab.driver.open_load import OpenLoadRunner
from lab.driver.request_recorder import RequestRecorder
from lab.driver_messages import (
    DRAIN_S,
    Closed,
    ClosedLoadSpec,
    Frame,
    Opened,
    RecordedRequests,
    RunTrial,
    TrialMessage,
)

Load = ClosedLoadRunner | OpenLoadRunner


def run(
    runner: LocalRunner,
    user_classes: list[type[User]],
    trial: RunTrial,
    send: Callable[[TrialMessage], None],
) -> None:
    """Load the host; send `Opened`, a `Frame` about every second, and `Closed`.

    The window opens `warmup_s` after all users run. No frame straddles its edges, nor those of an
    open load's stages. For an open load, what ends after the window comes with `Closed`: it was
    scheduled within the window.

    Args:
        runner: Of the process; its last trial has ended.
        user_classes: Of the scenario.
        trial: What to load, and for how long.
        send: Takes the messages.
    """
    random.seed(trial.seed)
    with trial_listeners():
        recorder, hosts = RequestRecorder(), HostRecorder(trial.host)
        load = _set_up(runner, user_classes, trial, recorder, hosts)
        try:
            with _heap_frozen(), closing(LatenessTicker()) as ticker:
                load.start()
                _run_frames(runner, load, trial, recorder, hosts, ticker, send)
        finally:
            drained = _drain(runner, load)
        load.disconnect()
        is_open = isinstance(load, OpenLoadRunner)
        after = recorder.take(math.inf) if is_open else RecordedRequests()
        if is_open:
            after = replace(after, **hosts.take())
        send(Closed(drained=drained, unfinished=load.unfinished(), **vars(after)))


def _set_up(
    runner: LocalRunner,
    user_classes: list[type[User]],
    trial: RunTrial,
    recorder: RequestRecorder,
    hosts: HostRecorder,
) -> Load:
    environment = runner.environment
    environment.host = trial.host
    environment.stop_timeout = DRAIN_S
    assert isinstance(environment.events.request, TrialEventHook)
    environment.events.request.add_first(hosts.on_request)
    environment.events.request.add_first(recorder.on_request)
    environment.events.user_error.add_listener(recorder.on_user_error)
    runner.update_state(STATE_INIT)
    environment.events.init.fire(environment=environment, runner=runner, web_ui=None)
    if isinstance(trial.load, ClosedLoadSpec):
        return ClosedLoadRunner(runner, user_classes, trial.load)
    return OpenLoadRunner(runner, user_classes, trial.load, trial.warmup_s, trial.seed)


@contextmanager
def _heap_frozen() -> Iterator[None]:
    """Exempt what is allocated now from collection: a full collection would pause the load."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _run_frames(
    runner: LocalRunner,
    load: Load,
    trial: RunTrial,
    recorder: RequestRecorder,
    hosts: HostRecorder,
    ticker: LatenessTicker,
    send: Callable[[TrialMessage], None],
) -> None:
    edges = frame_edges(trial)
    ticker.take()
    started = time.monotonic()
    opens = started + trial.warmup_s
    if isinstance(load, OpenLoadRunner):
        recorder.expect_arrivals(edges, started)
    load.begin(started)
    send(Opened(started, opens, opens + trial.window_s))
    cpu = _CpuMeter(started)
    for edge in edges:
        gevent.sleep(max(0.0, started + edge - time.monotonic()))
        driver_cpu = cpu.take()
        send(
            Frame(
                t=round(edge, 6),
                in_window=edge > trial.warmup_s + 1e-9,
                driver_cpu=driver_cpu,
                ticker_lateness=ticker.take(),
                users=runner.user_count,
                arrivals=load.arrivals(started + edge),
                **vars(replace(recorder.take(started + edge), **hosts.take())),
            )
        )


def _drain(runner: LocalRunner, load: Load) -> bool:
    """End the load and stop all users; whether all of them ended by themselves.

    Locust ends by force who has not ended after its stop timeout, which is `DRAIN_S` unless the
    scenario changed it; the service may then be busy with requests that are left over.
    """
    load.end()
    began = time.monotonic()
    runner.stop()
    return time.monotonic() - began < min(runner.environment.stop_timeout, DRAIN_S)


def frame_edges(trial: RunTrial) -> list[float]:
    """Ends of the frames, in seconds since the load began.

    Every second of the warm-up counted from its end, then every second of each stage.
    """
    stages_s: Sequence[float] = [trial.window_s]
    if not isinstance(trial.load, ClosedLoadSpec):
        stages_s = [stage.seconds for stage in trial.load.stages]
    edges = [trial.warmup_s - i for i in range(math.ceil(trial.warmup_s))][::-1]
    begin = trial.warmup_s
    for seconds in stages_s:
        edges += [begin + i for i in range(1, math.ceil(seconds))]
        begin += seconds
        edges.append(begin)
    return edges


class _CpuMeter:
    """Processor time of this process, in cores, from one call to the next."""

    def __init__(self, started: float) -> None:
        self._since = started
        self._used_s = time.process_time()

    def take(self) -> float:
        """Cores since the last call."""
        now, used_s = time.monotonic(), time.process_time()
        cores = (used_s - self._used_s) / max(now - self._since, 1e-9)
        self._since, self._used_s = now, used_s
        return cores
