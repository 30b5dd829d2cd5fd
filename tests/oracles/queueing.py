"""Waiting times in queues: exact replays, closed forms, and bounds.

Reference values that measurements are compared with. Times are in seconds, rates per second.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lab.stats.asymptotic_bounds import AsymptoticBounds

Values = npt.NDArray[np.float64]


class Replay(NamedTuple):
    """The times of each request in a queue, in the order of arrival.

    Attributes:
        waiting: Seconds from its arrival to the start of its service.
        response: Seconds from its arrival to the end of its service.
    """

    waiting: Values
    response: Values


def lindley(arrivals: npt.ArrayLike, services: npt.ArrayLike) -> Replay:
    """Replay a single server, first in, first out (Lindley, 1952).

    Each service adds to the wait, each gap between arrivals reduces it, down to 0.

    Args:
        arrivals: Arrival times, ascending; one-dimensional.
        services: Service time of each request, >= 0, or one for all.

    Returns:
        Both times of each request, of the shape of ``arrivals``.

    Raises:
        ValueError: If the arrivals do not ascend, a service is negative, a value is not finite,
            or there is not one service for each arrival.
    """
    arrived, served = _requests(arrivals, services)
    # The recursion w' = max(0, w + service - gap), as a walk above its own minimum.
    walk = np.zeros_like(arrived)
    np.cumsum(served[:-1] - np.diff(arrived), out=walk[1:])
    waiting = walk - np.minimum.accumulate(walk)
    return Replay(waiting, waiting + served)


def kiefer_wolfowitz(arrivals: npt.ArrayLike, services: npt.ArrayLike, servers: int) -> Replay:
    """Replay several servers behind one queue, first in, first out (Kiefer & Wolfowitz, 1955).

    Args:
        arrivals: Arrival times, ascending; one-dimensional.
        services: Service time of each request, >= 0, or one for all.
        servers: How many, at least 1.

    Returns:
        Both times of each request, of the shape of ``arrivals``.

    Raises:
        ValueError: As for `lindley`, or if there is no server.
    """
    if servers < 1:
        raise ValueError(f"a queue needs at least one server, not {servers}")
    arrived, served = _requests(arrivals, services)
    free = [-math.inf] * servers
    begins = np.empty_like(arrived)
    for index, (arrival, service) in enumerate(zip(arrived.tolist(), served.tolist(), strict=True)):
        begin = max(arrival, free[0])
        heapq.heapreplace(free, begin + service)
        begins[index] = begin
    waiting = begins - arrived
    return Replay(waiting, waiting + served)


def mg1_mean_wait(rate: float, service: float, variation: float = 0.0) -> float:
    """Return the mean wait of Poisson arrivals at one server (Pollaczek, 1930; Khinchine, 1932).

    Args:
        rate: Arrivals per second.
        service: Mean service time.
        variation: Its squared coefficient of variation: 0 is M/D/1, 1 is M/M/1.

    Raises:
        ValueError: If the load ``rate * service`` is not in [0, 1).
    """
    load = _load(rate, service, 1)
    return load * service * (1 + variation) / (2 * (1 - load))


def mmc_mean_wait(rate: float, service: float, servers: int) -> float:
    """Return the mean wait of Poisson arrivals at exponential servers (Erlang, 1917).

    Args:
        rate: Arrivals per second.
        service: Mean service time.
        servers: How many, at least 1.

    Raises:
        ValueError: If the load ``rate * service / servers`` is not in [0, 1).
    """
    load = _load(rate, service, servers)
    blocked = 1.0  # Erlang's B, by its recursion over the servers
    for count in range(1, servers + 1):
        blocked *= rate * service / (count + rate * service * blocked)
    waits = blocked / (1 - load * (1 - blocked))  # Erlang's C
    return waits * service / (servers * (1 - load))


def asymptotic_bounds(
    stations: Sequence[tuple[float, int]], think: float = 0.0
) -> AsymptoticBounds:
    """Return the bounds of a closed system with known stations (Denning & Buzen, 1978).

    Args:
        stations: For each station that a request passes in sequence: the seconds that it holds a
            server there (over all its visits), > 0, and the number of servers.
        think: Seconds between an answer and the user's next request.

    Raises:
        ValueError: If there is no station, or one without time or servers.
    """
    if not stations or any(not 0 < held < math.inf or count < 1 for held, count in stations):
        raise ValueError("bounds need stations with some service time and at least one server")
    return AsymptoticBounds(
        capacity=min(count / held for held, count in stations),
        response=sum(held for held, _ in stations),
        think=think,
    )


def frozen_quantile(q: float, frozen: float, period: float) -> float:
    """Return a quantile of the response times of a server that freezes periodically.

    Arrivals are evenly spaced and independent of answers. The server answers at once, but is frozen
    for the first ``frozen`` seconds of every ``period``. A request that arrives ``u`` seconds into
    a freeze waits for the remaining ``frozen - u``, so that a share ``x / period`` of the requests
    waits longer than ``frozen - x``. This holds over whole periods, up to one gap between arrivals.

    Args:
        q: Between 0 and 1.
        frozen: Seconds, at most ``period``.
        period: Seconds from the start of one freeze to the start of the next.

    Returns:
        Seconds; 0 if the request at the quantile met no freeze.

    Raises:
        ValueError: If ``q`` is outside [0, 1] or ``frozen`` outside [0, period].
    """
    if not 0 <= q <= 1:
        raise ValueError(f"a quantile lies between 0 and 1, not {q}")
    if not 0 <= frozen <= period:
        raise ValueError(f"a freeze must last 0 to {period} s, not {frozen}")
    return max(0.0, frozen - (1 - q) * period)


def _requests(arrivals: npt.ArrayLike, services: npt.ArrayLike) -> tuple[Values, Values]:
    """Return both as arrays of one shape, validated."""
    arrived = np.asarray(arrivals, dtype=np.float64)
    served = np.broadcast_to(np.asarray(services, dtype=np.float64), arrived.shape)
    if not (np.isfinite(arrived).all() and np.isfinite(served).all()):
        raise ValueError("a replay needs finite times")
    if (np.diff(arrived) < 0).any():
        raise ValueError("arrivals must be in ascending order")
    if (served < 0).any():
        raise ValueError("a service time must not be negative")
    return arrived, served


def _load(rate: float, service: float, servers: int) -> float:
    """Return the utilisation of the servers, below 1 so that a mean wait exists."""
    if servers < 1:
        raise ValueError(f"a queue needs at least one server, not {servers}")
    load = rate * service / servers
    if not 0 <= load < 1:
        raise ValueError(f"a queue with a load of {load} has no mean wait")
    return load
