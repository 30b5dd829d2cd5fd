"""The end of a trial: users finish what they do, and those that hang are ended by force."""

from __future__ import annotations

import time
from types import FrameType
from typing import Protocol

import gevent
from locust.runners import STATE_CLEANUP

from lab.driver.locust_environment import TrialRunner
from lab.driver.scenario_faults import ScenarioFaults
from lab.driver.source_location import SourceLocation, functions, is_own, of_frame
from lab.driver.stage_watch import FROZEN_S, Stage, StageWatch
from lab.driver_messages import DRAIN_S

PAUSE_S = 15.0  # for users that wait for something else than an answer
_KILL_S = 2.0  # for users that are ended by force
_BEAT_S = 0.25
SLACK_S = 6.0  # beyond DRAIN_S
_CLIENTS = (
    "/lab/driver/client/",
    "/locust/clients.py",
    "/locust/contrib/fasthttp.py",
    "/geventhttpclient/",
    "/requests/",
    "/urllib3/",
    "/http/client.py",
    "/gevent/_socket3.py",
    "/gevent/ssl.py",
    "/gevent/resolver/",
    "/ssl.py",
)


class Load(Protocol):
    """Sends requests."""

    def end(self) -> None:
        """Send no more."""


def drain(runner: TrialRunner, load: Load, faults: ScenarioFaults, watch: StageWatch) -> bool:
    """End the load and stop all users; whether all of them ended by themselves.

    Locust ends by force who has not ended after its stop timeout, which is `DRAIN_S` unless the
    scenario changed it; the service may then be busy with requests that are left over.
    """
    load.end()
    began = time.monotonic()
    stuck = gevent.spawn_later(
        PAUSE_S * watch.limit_factor, _end_stuck_users, runner, faults, watch
    )
    frozen = watch.stage("a greenlet that never yields", FROZEN_S)
    frozen.beside = True
    pulse = gevent.spawn(_beat, frozen)
    ending = watch.stage("the end of its users", DRAIN_S + SLACK_S)
    with runner.stopped_by_lab(), ending, frozen:
        while runner.state == STATE_CLEANUP and time.monotonic() < began + _KILL_S:
            gevent.sleep(0.01)  # the scenario stops the test: its users end already
        runner.stop()
    pulse.kill()
    stuck.kill()
    return time.monotonic() - began < min(runner.environment.stop_timeout, DRAIN_S)


def _beat(frozen: Stage) -> None:
    """Show that greenlets run."""
    while True:
        gevent.sleep(_BEAT_S)
        frozen.extend()


def _end_stuck_users(runner: TrialRunner, faults: ScenarioFaults, watch: StageWatch) -> None:
    """End users that wait for something that is no answer of the service."""
    ended = []
    for greenlet in list(runner.user_greenlets):
        where = stuck_at(greenlet.gr_frame)
        if where is not None:
            limit_s = PAUSE_S * watch.limit_factor
            faults.hangs(f"hangs: a user did not end within {limit_s:g} s", where)
            runner.killed.add(greenlet)
            greenlet.kill(block=False)
            ended.append((greenlet, where))
    gevent.sleep(_KILL_S)
    for greenlet, where in ended:
        if not greenlet.dead:
            watch.give_up("the end of a user that was killed", PAUSE_S + _KILL_S, where)


def stuck_at(frame: FrameType | None) -> SourceLocation | None:
    """Where the scenario itself waits; None if it waits for an answer, or not in its own code."""
    for file, _ in functions(frame):
        if is_own(file):
            return of_frame(frame)
        if any(client in file for client in _CLIENTS):
            return None
    return None
