"""Requests that a scenario gives up while it waits for the answer."""

from __future__ import annotations

from functools import wraps
from traceback import walk_tb
from typing import Any

import gevent
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession

from lab.driver.client import LeanHttpSession
from lab.driver.locust_environment import TrialRunner
from lab.driver.scenario_faults import ScenarioFaults


def watch_requests(runner: TrialRunner, faults: ScenarioFaults) -> None:
    """From now on, note each request that something cuts off from outside.

    That is a `gevent.Timeout`, with whatever error it is told to raise, or the end of its greenlet.
    Locust does not count it, so that the slowest requests would be missing without a sign. What is
    cut off because the lab stops the users is not noted.
    """

    def note(request: str, error: BaseException) -> None:
        if not runner.stopping:
            asked_at = getattr(gevent.getcurrent(), "killed_at", None)
            faults.gave_up(request, error, asked_at)

    for session in (HttpSession, FastHttpSession):
        _watch(session, note)
    LeanHttpSession.abandoned = staticmethod(note)


def _watch(session: Any, note: Any) -> None:
    request = session.request

    @wraps(request)
    def watched(self: Any, method: Any, url: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return request(self, method, url, *arguments, **options)
        except BaseException as error:
            if _came_from_outside(error):
                note(f"{method} {options.get('name') or url}", error)
            raise

    session.request = watched


def _came_from_outside(error: BaseException) -> bool:
    """Whether an error was thrown into the greenlet while it waited for the answer.

    An error of the client itself is raised in its own code, that of a listener in the scenario's.
    """
    if isinstance(error, gevent.Timeout | gevent.GreenletExit):
        return True
    innermost = ""
    for frame, _ in walk_tb(error.__traceback__):
        innermost = frame.f_code.co_filename
    return "gevent/" in innermost and "/locust/" not in innermost
