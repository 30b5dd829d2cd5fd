"""The levels of a sweep: validated, how far they reach, and which lie on the plateau."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lab.stats.margins import SweepMargins

Values = npt.NDArray[np.float64]


def sweep_points(users: npt.ArrayLike, measured: npt.ArrayLike) -> tuple[Values, Values]:
    """Return levels and measured values as arrays of one shape.

    Args:
        users: The levels of the sweep, > 0, in any order; one-dimensional.
        measured: One value per level, > 0.

    Returns:
        Two arrays of shape (levels,), in the order given.

    Raises:
        ValueError: If lengths differ, or a value is not positive and finite.
    """
    n = np.asarray(users, dtype=np.float64)
    y = np.asarray(measured, dtype=np.float64)
    if n.shape != y.shape or n.ndim != 1 or not n.size:
        raise ValueError(f"a sweep needs one value for each level, not {y.shape} for {n.shape}")
    if not all((values > 0).all() and np.isfinite(values).all() for values in (n, y)):
        raise ValueError("a sweep needs positive, finite levels and values")
    return n, y


def reach(users: npt.ArrayLike, margins: SweepMargins) -> float:
    """Return the highest number of users at which the sweep could show a peak or a corner.

    Args:
        users: The levels of the sweep, any order; one-dimensional.
        margins: Of which the `pass_factor` counts.

    Returns:
        The highest level divided by the `pass_factor`, in users.
    """
    return float(np.max(np.asarray(users, dtype=np.float64))) / margins.pass_factor
