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
        response: R_min, the response time without any queueing, seconds.
        think: Z, the pause of a user between an answer and the next request, seconds.
    """

    capacity: float
    response: float
    think: float = 0.0

    @property
    def knee(self) -> float:
        """N*, the number of users at which both bounds meet. With more users, some must queue."""
        return self.capacity * (self.response + self.think)

    def throughput(self, users: npt.ArrayLike) -> Values:
        """Return the highest possible throughput for each number of users.

        Args:
            users: Numbers of users, >= 0, any shape.

        Returns:
            Requests per second, of the shape of ``users``.
        """
        alone = np.asarray(users, dtype=np.float64) / (self.response + self.think)
        return np.minimum(alone, self.capacity)


def measure_bounds(
    users: npt.ArrayLike,
    throughput: npt.ArrayLike,
    response: npt.ArrayLike,
    margins: SweepMargins,
    think: float = 0.0,
) -> AsymptoticBounds | None:
    """Return the asymptotic bounds that one block of a sweep shows (Denning & Buzen, 1978).

    The capacity is the median throughput of the plateau (see `SweepMargins`), so that no single
    level decides it. R_min is the response time at the smallest level.

    Args:
        users: The levels of the sweep, > 0, in any order; one-dimensional. For a sweep over
            arrival rates: the requests in flight (throughput times response time; Little, 1961).
        throughput: Measured at each level, > 0, requests per second.
        response: Mean response time at each level, > 0, seconds.
        margins: Where the plateau begins, and how far the sweep reaches.
        think: Pause between an answer and the user's next request, seconds.

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
    return AsymptoticBounds(float(np.median(x[plateau])), float(r[n.argmin()]), think)


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
