"""The users of an open load: as many as its arrivals need, up to a limit."""

from __future__ import annotations

import math
import random
import time
from array import array
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress

import gevent
from gevent.hub import Waiter
from gevent.lock import Semaphore
from gevent.pool import Group
from locust import User
from locust.env import Environment

from lab.driver.arrival import Arrival
from lab.driver.arrival_user import ArrivalUser
from lab.driver.connections import disconnect
from lab.driver.watched_user import EndedByLab

_CONNECTING_AT_ONCE = 50  # when the pool opens: fewer than fit into any server's backlog


class UserPool:
    """Idle users, and arrivals that wait for one, both in the order in which they came.

    An arrival that finds no user of its class idle gets a new one, up to `max_users`; then an idle
    user of another class makes room, so that none idles while an arrival waits. All times are
    monotonic seconds.
    """

    def __init__(
        self,
        environment: Environment,
        group: Group,
        user_classes: list[type[User]],
        max_users: int,
        seed: str,
        prepare: Callable[[User], None] = lambda user: None,
    ) -> None:
        """Make an empty pool.

        Args:
            environment: Of the users.
            group: Gets their greenlets.
            user_classes: Share the arrivals by their weights.
            max_users: At once.
            seed: The same seed draws the same classes.
            prepare: Called with every user before it starts.
        """
        self.classes = [ArrivalUser.derive(each, lab_pool=self) for each in user_classes]
        self.members: list[ArrivalUser] = []
        self.connecting: AbstractContextManager[object] = nullcontext()  # held while connecting
        self.begun: array[float] = array("d")  # start of every arrival that was sent
        # of the same, in seconds: by how much the driver itself was late, and the wait for a user
        self.lags: array[float] = array("d")
        self.waits: array[float] = array("d")
        self.under_way: set[Arrival] = set()
        self.interrupted: array[float] = array("d")  # scheduled times of those ended by force
        self.ended_unanswered: list[Arrival] = []  # whose task ended without a request so far
        self._environment, self._group = environment, group
        self._max_users, self._prepare = max_users, prepare
        self._weights = [float(each.weight) for each in user_classes]
        self._random = random.Random(f"{seed}-users")
        self._resume = gevent.get_hub().loop.run_callback
        self._idle: dict[type[User], deque[Waiter]] = {each: deque() for each in self.classes}
        self._waiting: dict[type[User], deque[Arrival]] = {each: deque() for each in self.classes}
        self._starting: dict[type[User], set[User]] = {each: set() for each in self.classes}
        self._assigned = 0  # arrivals given to a user that has not begun them yet
        self._closes = float("inf")

    @property
    def size(self) -> int:
        """Users that there are."""
        return len(self._group)

    @property
    def unsent(self) -> int:
        """Arrivals that were dispatched and not begun."""
        return sum(map(len, self._waiting.values())) + self._assigned

    def open(self, peak_rate: float, enough: Callable[[], bool] = lambda: False) -> None:
        """Have users connected and idle before anything is sent, or wait until `enough`.

        There are enough of them for a second at the peak rate (arrivals per second) in which no
        request is answered, within the limit of users.
        """
        count = min(self._max_users, math.ceil(peak_rate))
        self.connecting = Semaphore(_CONNECTING_AT_ONCE)
        total = sum(self._weights)
        for user_class, weight in zip(self.classes, self._weights, strict=True):
            for _ in range(max(1, round(count * weight / total))):
                self._spawn(user_class)
        while sum(map(len, self._idle.values())) < self.size and not enough():
            gevent.sleep(0.005)
        self.connecting = nullcontext()

    def close(self, moment: float) -> None:
        """Let no arrival begin from `moment` on."""
        self._closes = moment

    def send(self, arrival: Arrival) -> None:
        """Give an arrival to an idle user or to a new one, or let it wait for the next idle one."""
        user_class = self.classes[0]
        if len(self.classes) > 1:
            (user_class,) = self._random.choices(self.classes, self._weights)
        if idle := self._idle[user_class]:
            self._assigned += 1
            self._resume(idle.popleft().switch, arrival)
            return
        self._waiting[user_class].append(arrival)
        if self.size < self._max_users or self._evict_idle():
            self._spawn(user_class)

    def next_arrival(self, user: ArrivalUser) -> Arrival:
        """The next arrival of a user, idle until there is one; EndedByLab if it must end."""
        user_class = type(user)
        waiting = self._waiting[user_class]
        if user.lab_waiter is None:
            user.lab_waiter = Waiter()
            self._starting[user_class].discard(user)
        if has_waited := bool(waiting):
            arrival = waiting.popleft()
        elif len(self.classes) > 1 and (starved := self._starved_class()) is not None:
            self._spawn(starved)
            raise EndedByLab
        else:
            arrival = self._idle_until_assigned(user, user.lab_waiter)
        now = time.monotonic()
        if now >= self._closes:
            waiting.appendleft(arrival)
            raise EndedByLab
        arrival.begun = now
        self.begun.append(now)
        until = arrival.dispatched if has_waited else now
        self.lags.append(until - arrival.scheduled)
        self.waits.append(now - until)
        self.under_way.add(arrival)
        return arrival

    def _idle_until_assigned(self, user: ArrivalUser, waiter: Waiter) -> Arrival:
        idle = self._idle[type(user)]
        idle.append(waiter)
        user.lab_idle = True
        try:
            arrival: Arrival | None = waiter.get()
        except BaseException:  # thrown into the user, which goes on: what still comes is not for it
            user.lab_waiter = Waiter()
            with suppress(ValueError):
                idle.remove(waiter)
            raise
        finally:
            user.lab_idle = False
        if arrival is None:
            raise EndedByLab
        self._assigned -= 1
        return arrival

    def _starved_class(self) -> type[ArrivalUser] | None:
        """A class with more arrivals waiting than users starting, if the pool is full.

        The only class there is needs none: its arrivals do not wait while one of them is idle.
        """
        if self.size < self._max_users:
            return None
        if time.monotonic() >= self._closes:
            return None
        return next(
            (each for each in self.classes if len(self._waiting[each]) > len(self._starting[each])),
            None,
        )

    def _evict_idle(self) -> bool:
        """End an idle user, of the class that has most of them; whether there was one."""
        idle = max(self._idle.values(), key=len)
        if idle:
            self._resume(idle.popleft().switch, None)
        return bool(idle)

    def _spawn(self, user_class: type[ArrivalUser]) -> None:
        user = user_class(self._environment)
        self._prepare(user)
        self.members.append(user)
        self._starting[user_class].add(user)
        user.start(self._group).link(lambda _: self._remove(user))

    def _remove(self, user: ArrivalUser) -> None:
        self._starting[type(user)].discard(user)
        self.members.remove(user)
        disconnect(user)
