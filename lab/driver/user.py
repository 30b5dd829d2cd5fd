"""An HTTP user with open arrivals for locustfiles: `from lab.driver.user import OpenHttpUser`.

The lab makes an open load of any user class, and asks for none of its own. This one is for
locustfiles that are to have open arrivals under plain `locust -f` too.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator
from typing import Any

import gevent
from gevent.pool import Group
from locust import FastHttpUser
from locust.user.task import LOCUST_STATE_WAITING

from lab.driver.pool import Dispatcher, Pool
from lab.stats.arrivals import Arrivals, Stage, schedule

_CHUNK_S = 10.0  # of an endless schedule, drawn at a time


class OpenHttpUser(FastHttpUser):
    """A source of arrivals, each of which is one task and waits for none before it.

    Under plain Locust every user is a source of its own: `locust -u 4` sends four times `rate`.
    Response times count from the intended send, in Locust's statistics too. Under `lab run` the
    hypothesis tells rate and arrivals, and what stands here is of no account.

    Attributes:
        rate: Arrivals a second.
        arrivals: How they are spread.
        most_users: Arrivals under way at once; further ones wait.
    """

    abstract = True
    rate: float = 1.0
    arrivals: Arrivals = "poisson"
    most_users: int = 1000

    def start(self, group: Group) -> gevent.Greenlet:
        """Begin to send, as Locust asks of every user."""
        self._group = group
        self._greenlet = group.spawn(_send, self)
        return self._greenlet


class _FromIntended:
    """Locust's request event, told response times from the intended send."""

    def __init__(self, event: Any) -> None:
        self._event = event

    def fire(self, **told: Any) -> None:
        arrival = getattr(gevent.getcurrent(), "arrival", None)
        if arrival is not None:
            told["response_time"] += 1000 * arrival.lateness()
        self._event.fire(**told)


def _send(source: OpenHttpUser) -> None:
    workers = Group()

    def prepare(user: Any) -> None:
        user.client.request_event = _FromIntended(source.environment.events.request)

    pool = Pool(source.environment, workers, [type(source)], source.most_users, "", prepare)
    source._state = LOCUST_STATE_WAITING  # Locust may stop it at any time
    try:
        Dispatcher(pool).run(_endless(source))
    finally:
        for user in pool.members:
            if user._greenlet in workers:
                user.stop()
        workers.join(source.environment.stop_timeout or 0)
        workers.kill()


def _endless(source: OpenHttpUser) -> Iterator[float]:
    began = time.monotonic()
    for chunk in itertools.count():
        stage = Stage(_CHUNK_S, source.rate, source.rate)
        for offset in schedule([stage], source.arrivals, str(random.random())).tolist():
            yield began + chunk * _CHUNK_S + offset
