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

_DRAIN_S = 30  # how long users may take to end their last task


def run(
    user_classes: list[type[User]],
    *,
    host: str,
    load: dict[str, Any],
    warmup_s: float,
    window_s: float,
    seed: str,
    send: Callable[[dict[str, Any]], None],
) -> None:
    """Load `host`; send `opened`, a `frame` per second, and `closed`.

    The window opens `warmup_s` after all users run. Frames straddle neither its edges nor those of
    an open load's stages. Of an open load, what ends after the window is told with `closed`: it
    was due within.

    Args:
        user_classes: Of the scenario.
        host: URL.
        load: ``{"users": N}``, or ``{"arrivals": "poisson" | "constant", "stages": [[from_rate,
            to_rate, seconds], ...], "most_users": N}``, the stages together being the window.
        warmup_s: Seconds before the window.
        window_s: Seconds of the window.
        seed: Of all that is drawn.
        send: Takes the messages.
    """
    random.seed(seed)
    environment = Environment(
        user_classes=user_classes, events=_events(), host=host, stop_timeout=_DRAIN_S
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
    if "users" in load:
        driven = ClosedLoadRunner(runner, load["users"])
    else:
        driven = OpenLoadRunner(runner, user_classes, **load, warmup_s=warmup_s, seed=seed)
    edges = _edges(warmup_s, [seconds for *_, seconds in load.get("stages", ())] or [window_s])
    # what stands now is not looked through again: a full collection would stop the load
    gc.collect()
    gc.freeze()
    ticker = LatenessTicker()
    users: list[User] = []
    try:
        users = driven.start()
        ticker.take()
        started = time.monotonic()
        opens, closes = started + warmup_s, started + warmup_s + window_s
        if isinstance(driven, OpenLoadRunner):
            recorder.group_by_scheduled_time(edges, started)
        driven.begin(started)
        send({"event": "opened", "started": started, "opens": opens, "closes": closes})
        cpu = time.process_time()
        began = started
        for edge in edges:
            gevent.sleep(max(0.0, started + edge - time.monotonic()))
            ended = time.monotonic()
            used = time.process_time()
            send(
                {
                    "event": "frame",
                    "t": round(edge, 6),
                    "window": edge > warmup_s + 1e-9,
                    "driver_cpu": (used - cpu) / max(ended - began, 1e-9),
                    "late": ticker.take(),
                    "users": runner.user_count,
                    **recorder.take(started + edge),
                    **driven.frame(started + edge),
                }
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
    drained = time.monotonic() - stopping < _DRAIN_S
    after = recorder.take(math.inf) if isinstance(driven, OpenLoadRunner) else {}
    send({"event": "closed", "drained": drained, **after, **driven.left()})


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
