"""Users of an open load: ordinary Locust users, each of whom carries out arrivals one by one.

An arrival is one task of a user; Locust's own loop runs it, so that errors, nested task sets and
stopping are as they always are. Only the user's `wait_time` goes unused between tasks.
"""

from __future__ import annotations

import contextlib
import random
import time
from array import array
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import gevent
from gevent.event import AsyncResult
from gevent.lock import Semaphore
from gevent.pool import Group
from locust import User
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.exception import StopTest, StopUser
from locust.user.task import (
    LOCUST_STATE_RUNNING,
    LOCUST_STATE_STOPPING,
    LOCUST_STATE_WAITING,
    DefaultTaskSet,
)

from lab.driver.precise_timer import PreciseTimer

_BREATH = 64  # arrivals, overdue perhaps, that are dispatched before others may run
_OPENED_AT_ONCE = 50  # connections: fewer than fit into any server's backlog
_OPENING_S = 30.0


class Arrival:
    """One arrival: when it was due, when it was dispatched and when a user began with it."""

    __slots__ = ("begun", "dispatched", "due", "unanswered")

    def __init__(self, due: float, dispatched: float) -> None:
        self.due, self.dispatched = due, dispatched
        self.begun = 0.0
        self.unanswered = True  # until its first request has ended

    def lateness(self) -> float:
        """Seconds that its first request was sent late; 0 for the requests that follow it."""
        if not self.unanswered:
            return 0.0
        self.unanswered = False
        return self.begun - self.due


class UserPool:
    """Users that are free, arrivals that wait for one, and both in the order of coming.

    It grows by a user where an arrival finds none free, up to `most` users; then a user of another
    class who has nothing to do makes room, so that none idles while an arrival waits. All times
    are monotonic seconds.
    """

    def __init__(
        self,
        environment: Environment,
        group: Group,
        classes: list[type[User]],
        most: int,
        seed: str,
        prepare: Callable[[User], None] = lambda user: None,
    ) -> None:
        self._environment, self._group = environment, group
        self._prepare = prepare  # a user, before it does anything
        self._classes = classes
        self._weights = [float(each.weight) for each in classes]
        self._random = random.Random(f"{seed}-users")
        self._most = most
        self.members: list[User] = []
        self._free: dict[type[User], deque[AsyncResult]] = {each: deque() for each in classes}
        self._waiting: dict[type[User], deque[Arrival]] = {each: deque() for each in classes}
        self._coming: dict[type[User], set[User]] = {each: set() for each in classes}
        self._handed = 0  # arrivals given to a user who has not begun yet
        self._closes = float("inf")
        self.begun: array[float] = array("d")  # when, of every arrival that was sent
        self.waits: array[float] = array("d")  # seconds for a free user, of the same
        self.under_way: set[Arrival] = set()
        self.cut: array[float] = array("d")  # when due, of those that were ended by force

    @property
    def users(self) -> int:
        """Users that there are."""
        return len(self._group)

    @property
    def unsent(self) -> int:
        """Arrivals that were dispatched and not begun."""
        return sum(map(len, self._waiting.values())) + self._handed

    def open(self, count: int) -> None:
        """Have so many users ready, each connected, before anything is sent."""
        lock = Semaphore(_OPENED_AT_ONCE)
        total = sum(self._weights)
        for each, weight in zip(self._classes, self._weights, strict=True):
            for _ in range(max(1, round(count * weight / total))):
                self._spawn(each, lock)
        deadline = time.monotonic() + _OPENING_S
        while sum(map(len, self._free.values())) < self.users and time.monotonic() < deadline:
            gevent.sleep(0.005)

    def close(self, moment: float) -> None:
        """Let no arrival begin from `moment` on."""
        self._closes = moment

    def send(self, arrival: Arrival) -> None:
        """Give an arrival to a free user, to a new one, or let it wait for the next one free."""
        kind = self._classes[0]
        if len(self._classes) > 1:
            (kind,) = self._random.choices(self._classes, self._weights)
        if self._free[kind]:
            self._handed += 1
            self._free[kind].popleft().set(arrival)
            return
        self._waiting[kind].append(arrival)
        if self.users < self._most or self._retire():
            self._spawn(kind)

    def begin(self, user: User) -> Arrival:
        """The next arrival for a user, who waits until there is one."""
        kind = type(user)
        self._coming[kind].discard(user)
        if self._waiting[kind]:
            arrival = self._waiting[kind].popleft()
        elif (other := self._lacking()) is not None:
            self._spawn(other)
            raise StopUser
        else:
            free: AsyncResult = AsyncResult()
            self._free[kind].append(free)
            user._state = LOCUST_STATE_WAITING  # so that Locust may stop it meanwhile
            arrival = free.get()
            if arrival is None:
                raise StopUser
            self._handed -= 1
            if user._state == LOCUST_STATE_STOPPING:
                self._waiting[kind].appendleft(arrival)
                raise StopUser
            user._state = LOCUST_STATE_RUNNING
        now = time.monotonic()
        if now >= self._closes:
            self._waiting[kind].appendleft(arrival)
            raise StopUser
        arrival.begun = now
        self.begun.append(now)
        self.waits.append(now - arrival.dispatched)
        self.under_way.add(arrival)
        return arrival

    def leave(self, user: User) -> None:
        """A user is no more."""
        self._coming[type(user)].discard(user)
        self.members.remove(user)
        disconnect(user)

    def _lacking(self) -> type[User] | None:
        """A class of which more arrivals wait than users are coming, the pool being full."""
        if self.users < self._most or time.monotonic() >= self._closes:
            return None
        return next(
            (
                kind
                for kind, waiting in self._waiting.items()
                if len(waiting) > len(self._coming[kind])
            ),
            None,
        )

    def _retire(self) -> bool:
        """Have a free user leave, of the class that has most of them; whether there was one."""
        free = max(self._free.values(), key=len)
        if free:
            free.popleft().set(None)
        return bool(free)

    def _spawn(self, kind: type[User], lock: Semaphore | None = None) -> None:
        user = kind(self._environment)
        self._prepare(user)
        self.members.append(user)
        self._coming[kind].add(user)
        # as User.start does: Locust counts and stops who is in this group
        user._group = self._group
        user._greenlet = self._group.spawn(_live, user, self, lock)


class _Arrivals(DefaultTaskSet):
    """The tasks of a user, one for each arrival."""

    def __init__(self, user: User, pool: UserPool) -> None:
        super().__init__(user)
        self._pool = pool
        self._at_work = False

    def execute_task(self, task: Any) -> None:
        greenlet = gevent.getcurrent()
        greenlet.arrival = arrival = self._pool.begin(self.user)
        self._at_work = True
        try:
            super().execute_task(task)
        except gevent.GreenletExit:
            if self.user._state != LOCUST_STATE_WAITING:  # no pause of the task's own
                self._pool.cut.append(arrival.due)
            raise
        finally:
            self._pool.under_way.discard(arrival)
            greenlet.arrival = None
            self._at_work = False

    def wait(self) -> None:
        if self._at_work:  # the task itself asks for a pause
            super().wait()
        elif self.user._state == LOCUST_STATE_STOPPING:
            raise StopUser


def _live(user: User, pool: UserPool, lock: Semaphore | None) -> None:
    """As `User.run`, but connected first and with an arrival for each task."""
    user._state = LOCUST_STATE_RUNNING
    user._taskset_instance = _Arrivals(user, pool)
    try:
        with lock or contextlib.nullcontext():
            _connect(user)
        try:
            user.on_start()
        except (StopUser, StopTest):
            raise
        except Exception as error:
            user.environment.events.user_error.fire(
                user_instance=user, exception=error, tb=error.__traceback__
            )
            return
        user._taskset_instance.run()
    except (gevent.GreenletExit, StopUser, StopTest):
        user.on_stop()
    finally:
        pool.leave(user)


def _connect(user: User) -> None:
    """Open a user's connection and send nothing; what fails here fails at its first request."""
    client = getattr(user, "client", None)
    with contextlib.suppress(Exception):
        if isinstance(client, FastHttpSession):
            sockets = client.client.clientpool.get_client(str(client.base_url))._connection_pool
            sockets.return_socket(sockets.get_socket())
        elif isinstance(client, HttpSession):
            adapter: Any = client.get_adapter(client.base_url)
            connections = adapter.poolmanager.connection_from_url(client.base_url)
            connection = connections._get_conn()
            connection.connect()
            connections._put_conn(connection)


def disconnect(user: User) -> None:
    """Close a user's connections, which would otherwise stay until it is collected."""
    client = getattr(user, "client", None)
    for closer in (getattr(client, "client", None), client):
        close = getattr(closer, "close", None)
        if callable(close):
            with contextlib.suppress(Exception):
                close()


class Dispatcher:
    """Hands arrivals to a pool as each falls due, and notes by how much it was late itself."""

    def __init__(self, pool: UserPool) -> None:
        self._pool = pool
        self.lags: array[float] = array("d")  # seconds, of every arrival dispatched

    def run(self, dues: Iterable[float]) -> None:
        """Dispatch arrivals that are due at these moments (monotonic seconds, ascending)."""
        timer = PreciseTimer()
        try:
            for due in dues:
                timer.wait_until(due)
                if not len(self.lags) % _BREATH:
                    gevent.sleep(0)
                now = time.monotonic()
                self.lags.append(now - due)
                self._pool.send(Arrival(due, now))
        finally:
            timer.close()
