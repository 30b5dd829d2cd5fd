"""Asymptotic bounds of a closed system, measured on a sweep (Denning & Buzen, 1978).

The bounds need a plateau. They give the capacity and the knee of one block.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.stats.margins import SweepMargins
from lab.stats.sweep_plateau import reach, sweep_points

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AsymptoticBounds:
    """Upper bounds on the throughput of a closed system (Denning & Buzen, 1978).

    Attributes:
        capacity: X_max, the throughput of the bottleneck when saturated, requests per second.
        response: R_min, the response time without any queueing, seconds; None if it is not known.
        think: Z, the pause of a user between an answer and the next request, seconds.
    """

    capacity: float
    response: float | None
    think: float = 0.0

    @property
    def knee(self) -> float | None:
        """N*, the number of users at which both bounds meet. With more users, some must queue.

        None if R_min is not known.
        """
        if self.response is None:
            return None
        return self.capacity * (self.response + self.think)

    def throughput(self, users: npt.ArrayLike) -> Values:
        """Return the highest possible throughput for each number of users.

        Args:
            users: Numbers of users, >= 0, any shape.

        Returns:
            Requests per second, of the shape of ``users``; the capacity if R_min is not known.
        """
        n = np.asarray(users, dtype=np.float64)
        if self.response is None:
            return np.full_like(n, self.capacity)
        return np.minimum(n / (self.response + self.think), self.capacity)


def measure_bounds(
    users: npt.ArrayLike,
    throughput: npt.ArrayLike,
    response: npt.ArrayLike,
    margins: SweepMargins,
    think: float = 0.0,
    *,
    closed: bool = True,
) -> AsymptoticBounds | None:
    """Return the asymptotic bounds that one block of a sweep shows (Denning & Buzen, 1978).

    The capacity is the median throughput of the plateau (see `SweepMargins`), so that no single
    level decides it. R_min is the response time at the smallest level; it is not known if that
    level is so near to saturation that its requests may queue.

    Args:
        users: The levels of the sweep, > 0, in any order; one-dimensional. For a sweep over
            arrival rates: the requests in flight (throughput times response time; Little, 1961).
        throughput: Measured at each level, > 0, requests per second.
        response: Mean response time at each level, > 0, seconds.
        margins: Where the plateau begins, and how far the sweep reaches.
        think: Pause between an answer and the user's next request, seconds.
        closed: Whether the levels are users. A single user never queues.

    Returns:
        The bounds; None in two cases. The sweep does not go on to `pass_factor` times the first
        level of the plateau, so that it did not saturate. Or the smallest level is on the plateau
        and is more than a single user, so that its requests queue already.

    Raises:
        ValueError: If lengths differ or a value is not positive and finite.
    """
    n, x = sweep_points(users, throughput)
    _, r = sweep_points(users, response)
    plateau = x >= margins.plateau * x.max()
    first = n[plateau].min()
    if first > reach(n, margins) or first == n.min() > 1:
        return None
    smallest = n.argmin()
    unqueued = margins.unqueued_users if closed else margins.unqueued_rate
    is_alone = (closed and n[smallest] <= 1) or x[smallest] <= unqueued * x.max()
    alone = float(r[smallest]) if is_alone else None
    return AsymptoticBounds(float(np.median(x[plateau])), alone, think)


def measure_think(
    users: npt.ArrayLike,
    throughput: npt.ArrayLike,
    response: npt.ArrayLike,
    margins: SweepMargins,
) -> float:
    """Return the mean pause of a user between an answer and the next request.

    The closed law N = X (R + Z) holds at every level (Denning & Buzen, 1978). It is summed over
    the levels below the plateau. A single user's few requests alone would give it coarsely, and on
    the plateau it is a small difference of large times.

    Args:
        users: The levels of a closed sweep, > 0, in any order; one-dimensional.
        throughput: Measured at each level, > 0, requests per second.
        response: Mean response time at each level, > 0, seconds.
        margins: Where the plateau begins.

    Returns:
        Seconds per request, >= 0.

    Raises:
        ValueError: If lengths differ or a value is not positive and finite.
    """
    n, x = sweep_points(users, throughput)
    _, r = sweep_points(users, response)
    below = x < margins.plateau * x.max()
    below[n.argmin()] = True
    pausing = n[below] - x[below] * r[below]
    return max(0.0, float(pausing.sum() / x[below].sum()))
