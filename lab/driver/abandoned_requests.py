"""Requests that a scenario gives up while it waits for the answer."""

from __future__ import annotations

from functools import wraps
from typing import Any

import gevent
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession

from lab.driver.locust_environment import TrialRunner
from lab.driver.scenario_faults import ScenarioFaults


def watch_requests(runner: TrialRunner, faults: ScenarioFaults) -> None:
    """From now on, note each request that a `gevent.Timeout` or a killed greenlet cuts off.

    Locust does not count it, so that the slowest requests would be missing without a sign. What is
    cut off because the lab stops the users is not noted.
    """
    for session in (HttpSession, FastHttpSession):
        _watch(session, runner, faults)


def _watch(session: Any, runner: TrialRunner, faults: ScenarioFaults) -> None:
    request = session.request

    @wraps(request)
    def watched(self: Any, method: Any, url: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return request(self, method, url, *arguments, **options)
        except (gevent.Timeout, gevent.GreenletExit) as error:
            if not runner.stopping:
                asked_at = getattr(gevent.getcurrent(), "killed_at", None)
                faults.gave_up(f"{method} {options.get('name') or url}", error, asked_at)
            raise

    session.request = watched
