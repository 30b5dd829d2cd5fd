"""HTTP users with open arrivals for locustfiles: `from lab.driver.user import OpenHttpUser`.

Under `lab run` any user class can generate an open load. These classes are for locustfiles that
need open arrivals under plain `locust -f` as well.
"""

from __future__ import annotations

import itertools
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

import gevent
from gevent.pool import Group
from locust import FastHttpUser, User, events
from locust.env import Environment
from locust.exception import StopUser

from lab.driver.arrival import Arrival, carry_into_thread_pools, origin
from lab.driver.arrival_user import ArrivalUser
from lab.driver.client import LeanHttpUser
from lab.driver.dispatcher import Dispatcher
from lab.driver.open_user_rules import attribute_flaws, source_flaws
from lab.driver.user_pool import UserPool
from lab.stats.arrival_schedule import ArrivalProcess, RateSegment, schedule

_CHUNK_S = 10.0  # of an endless schedule, drawn at a time
_TOTALS: WeakKeyDictionary[Environment, Counter[str]] = WeakKeyDictionary()

_logger = logging.getLogger(__name__)


class OpenArrivals(User):
    """A source of arrivals; each arrival is one task, and none waits for an earlier one.

    Mixed into a user class with a client that reports by its `request_event`. Under plain Locust
    every user is a source of its own: `locust -u 4` sends four times `rate`. Response times, also
    in Locust's statistics, are measured from the scheduled send time. Unsent arrivals are in none
    of them; their number is logged when the test stops. Under `lab run` the hypothesis sets rate
    and arrivals, and these attributes are ignored.

    Attributes:
        rate: Arrivals a second.
        arrivals: `poisson` or `constant`.
        most_users: Maximum of arrivals under way at once; further ones wait.
    """

    abstract = True
    rate: float = 1.0
    arrivals: ArrivalProcess = "poisson"
    most_users: int = 1000

    def start(self, group: Group) -> gevent.Greenlet:
        """Start as a source: its only task dispatches arrivals to other users of its class."""
        self.tasks = [_dispatch]
        # those of the scenario are for the users that carry out arrivals
        self.on_start = self.on_stop = lambda: None  # type: ignore[method-assign]
        greenlet: gevent.Greenlet = super().start(group)
        return greenlet

    def stop(self, force: bool = False) -> bool:
        """Stop at once: a source has no task to finish first."""
        return bool(super().stop(force=True))


class OpenHttpUser(OpenArrivals, FastHttpUser):
    """Open arrivals with Locust's quick client."""

    abstract = True


class OpenLeanHttpUser(OpenArrivals, LeanHttpUser):
    """Open arrivals with the lab's own client."""

    abstract = True


class _RequestEvent:
    """Locust's request event, with response times measured from the scheduled send time."""

    def __init__(self, event: Any) -> None:
        self._event = event

    def fire(self, **request: Any) -> None:
        reporter, service = gevent.getcurrent(), request["response_time"] / 1000
        arrival = origin(reporter)
        if isinstance(arrival, Arrival):
            late = arrival.lateness(time.monotonic(), service, request.get("start_time"), reporter)
            request["response_time"] += 1000 * late
        self._event.fire(**request)


def _check(environment: Environment, **_: Any) -> None:
    """End Locust, as it ends for a wrong locustfile, if a class cannot be a source of arrivals.

    When the test starts, because listeners of `init` may set what they read from the command line.
    """
    sources = [
        user
        for user in environment.user_classes
        if issubclass(user, OpenArrivals) and not issubclass(user, ArrivalUser)
    ]
    flaws = [flaw for source in sources for flaw in source_flaws(source)]
    if flaws:
        for flaw in flaws:
            _logger.error(flaw)
        sys.exit(1)


events.test_start.add_listener(_check)


def _dispatch(source: OpenArrivals) -> None:
    carry_into_thread_pools()
    environment = source.environment
    if flaws := list(attribute_flaws(source)):  # of attributes that the user set for itself
        for flaw in flaws:
            _logger.error(flaw)
        environment.process_exit_code = 1
        raise StopUser
    group = Group()

    def prepare(user: User) -> None:
        user.client.request_event = _RequestEvent(environment.events.request)  # type: ignore[attr-defined]

    pool = UserPool(environment, group, [type(source)], source.most_users, "", prepare)
    dispatcher = Dispatcher(pool)
    totals = _totals(environment)
    try:
        dispatcher.run(_endless_schedule(source))
    except Exception:
        _logger.exception("a source of arrivals failed")
        raise StopUser from None
    finally:
        pool.close(time.monotonic())
        for user in list(pool.members):
            user.stop()
        group.join(environment.stop_timeout or 0)
        group.kill()
        totals.update(scheduled=dispatcher.count, sent=len(pool.begun))


def _totals(environment: Environment) -> Counter[str]:
    """The arrivals of all sources together, logged when the test stops."""
    if environment not in _TOTALS:
        totals = _TOTALS[environment] = Counter()

        def log(**_: Any) -> None:
            scheduled, sent = totals["scheduled"], totals["sent"]
            unsent = scheduled - sent
            _logger.info(f"arrivals: {scheduled} scheduled, {sent} sent, {unsent} unsent")
            totals.clear()

        environment.events.test_stop.add_listener(log)
    return _TOTALS[environment]


def _endless_schedule(source: OpenArrivals) -> Iterator[float]:
    began = time.monotonic()
    if source.arrivals == "constant":
        yield from (began + number / float(source.rate) for number in itertools.count())
    for chunk in itertools.count():
        segment = RateSegment(_CHUNK_S, float(source.rate), float(source.rate))
        for offset in schedule([segment], source.arrivals, str(random.random())).tolist():
            yield began + chunk * _CHUNK_S + offset
