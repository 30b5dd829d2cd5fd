"""One trial's load: Locust as a library, with an environment of its own each time."""

from __future__ import annotations

import gc
import math
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import gevent
import locust
from locust import User
from locust.env import Environment
from locust.event import Events

from lab.driver.closed_load import ClosedLoadRunner
from lab.driver.lateness_ticker import LatenessTicker
from lab.driver.open_load import OpenLoadRunner
from lab.driver.request_recorder import RequestRecorder
from lab.driver.user_pool import disconnect
from lab.driver_protocol import (
    DRAIN_S,
    Closed,
    ClosedLoadSpec,
    Frame,
    Opened,
    RecordedRequests,
    RunTrial,
    TrialMessage,
)


def run(
    user_classes: list[type[User]],
    trial: RunTrial,
    send: Callable[[TrialMessage], None],
) -> None:
    """Load the host; send `Opened`, a `Frame` per second, and `Closed`.

    The window opens `warmup_s` after all users run. Frames straddle neither its edges nor those of
    an open load's stages. Of an open load, what ends after the window is told with `closed`: it
    was due within.

    Args:
        user_classes: Of the scenario.
        trial: What to load, and for how long.
        send: Takes the messages.
    """
    load, warmup_s = trial.load, trial.warmup_s
    random.seed(trial.seed)
    environment = Environment(
        user_classes=user_classes, events=_events(), host=trial.host, stop_timeout=DRAIN_S
    )
    runner = environment.create_local_runner()
    recorder = RequestRecorder()
    # Locust's own statistics go unused: its percentiles are rounded
    environment.events.request._handlers = [
        *_scenario_handlers("request"),
        recorder.on_request,
    ]
    environment.events.user_error.add_listener(recorder.on_user_error)
    environment.events.init.fire(environment=environment, runner=runner, web_ui=None)
    driven: ClosedLoadRunner | OpenLoadRunner
    stages_s = [trial.window_s]
    if isinstance(load, ClosedLoadSpec):
        driven = ClosedLoadRunner(runner, load.users)
    else:
        driven = OpenLoadRunner(
            runner, user_classes, **vars(load), warmup_s=warmup_s, seed=trial.seed
        )
        stages_s = [stage.seconds for stage in load.stages]
    edges = _edges(warmup_s, stages_s)
    # what stands now is not looked through again: a full collection would stop the load
    gc.collect()
    gc.freeze()
    ticker = LatenessTicker()
    users: list[User] = []
    try:
        users = driven.start()
        ticker.take()
        started = time.monotonic()
        opens, closes = started + warmup_s, started + warmup_s + trial.window_s
        if isinstance(driven, OpenLoadRunner):
            recorder.group_by_scheduled_time(edges, started)
        driven.begin(started)
        send(Opened(started, opens, closes))
        cpu = time.process_time()
        began = started
        for edge in edges:
            gevent.sleep(max(0.0, started + edge - time.monotonic()))
            ended = time.monotonic()
            used = time.process_time()
            send(
                Frame(
                    t=round(edge, 6),
                    in_window=edge > warmup_s + 1e-9,
                    driver_cpu=(used - cpu) / max(ended - began, 1e-9),
                    ticker_lateness=tuple(ticker.take()),
                    users=runner.user_count,
                    arrivals=driven.arrivals(started + edge),
                    **vars(recorder.take(started + edge)),
                )
            )
            cpu, began = used, ended
    finally:
        gc.unfreeze()
        ticker.close()
        driven.end()
        stopping = time.monotonic()
        runner.quit()
    for user in users:
        disconnect(user)
    # past the limit Locust ends users by force, and the service goes on with their requests
    drained = time.monotonic() - stopping < DRAIN_S
    after = recorder.take(math.inf) if isinstance(driven, OpenLoadRunner) else RecordedRequests()
    send(Closed(drained=drained, unfinished=driven.unfinished(), **vars(after)))


def _edges(warmup_s: float, stages_s: Sequence[float]) -> list[float]:
    """Ends of the frames: every second of the warm-up, then every second of each stage."""
    edges = [warmup_s - i for i in range(math.ceil(warmup_s))][::-1] if warmup_s > 0 else []
    begin = warmup_s
    for seconds in stages_s:
        edges += [begin + i for i in range(1, math.ceil(seconds))]
        begin += seconds
        edges.append(begin)
    return edges


def _events() -> Events:
    """Events of this block alone, with what the scenario listens to.

    Sharing `locust.events` would pile up the listeners that Locust adds per environment.
    """
    events = Events()
    for name, hook in vars(events).items():
        hook._handlers = _scenario_handlers(name)
    return events


_HANDLERS = {name: list(hook._handlers) for name, hook in vars(locust.events).items()}


def remember_scenario_handlers() -> None:
    """Note what a scenario has just added to `locust.events`."""
    for name, hook in vars(locust.events).items():
        _HANDLERS[name] = list(hook._handlers)


def _scenario_handlers(name: str) -> list[Callable[..., Any]]:
    return list(_HANDLERS.get(name, []))
