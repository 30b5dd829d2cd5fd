"""An HTTP user with open arrivals for locustfiles: `from lab.driver.user import OpenHttpUser`.

The lab makes an open load of any user class, and asks for none of its own. This one is for
locustfiles that are to have open arrivals under plain `locust -f` too.
"""

from __future__ import annotations

import itertools
import logging
import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

import gevent
from gevent.pool import Group
from locust import FastHttpUser
from locust.env import Environment
from locust.user.task import LOCUST_STATE_WAITING

from lab.driver.user_pool import Dispatcher, UserPool
from lab.stats.arrival_schedule import ArrivalProcess, RateSegment, schedule

_CHUNK_S = 10.0  # of an endless schedule, drawn at a time
_ARRIVALS: WeakKeyDictionary[Environment, Counter[str]] = WeakKeyDictionary()


class OpenHttpUser(FastHttpUser):
    """A source of arrivals, each of which is one task and waits for none before it.

    Under plain Locust every user is a source of its own: `locust -u 4` sends four times `rate`.
    Response times count from the intended send, in Locust's statistics too; what was never sent
    is in none of them, and told in the log when the test stops. Under `lab run` the hypothesis
    tells rate and arrivals, and what stands here is of no account.

    Attributes:
        rate: Arrivals a second.
        arrivals: How they are spread.
        most_users: Arrivals under way at once; further ones wait.
    """

    abstract = True
    rate: float = 1.0
    arrivals: ArrivalProcess = "poisson"
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

    pool = UserPool(source.environment, workers, [type(source)], source.most_users, "", prepare)
    dispatcher = Dispatcher(pool)
    arrivals = _arrivals(source.environment)
    source._state = LOCUST_STATE_WAITING  # Locust may stop it at any time
    try:
        dispatcher.run(_endless(source))
    finally:
        pool.close(time.monotonic())
        for user in list(pool.members):
            user.stop()
        workers.join(source.environment.stop_timeout or 0)
        workers.kill()
        arrivals.update(scheduled=len(dispatcher.lags), sent=len(pool.begun))


def _arrivals(environment: Environment) -> Counter[str]:
    """The arrivals of all sources together, told when the test stops."""
    if environment not in _ARRIVALS:
        seen = _ARRIVALS[environment] = Counter()

        def tell(**_: Any) -> None:
            scheduled, sent = seen["scheduled"], seen["sent"]
            logging.getLogger(__name__).info(
                f"arrivals: {scheduled} scheduled, {sent} sent, {scheduled - sent} unsent"
            )
            seen.clear()

        environment.events.test_stop.add_listener(tell)
    return _ARRIVALS[environment]


def _endless(source: OpenHttpUser) -> Iterator[float]:
    began = time.monotonic()
    if source.arrivals == "constant":
        yield from (began + number / source.rate for number in itertools.count())
    for chunk in itertools.count():
        stage = RateSegment(_CHUNK_S, source.rate, source.rate)
        for offset in schedule([stage], source.arrivals, str(random.random())).tolist():
            yield began + chunk * _CHUNK_S + offset
