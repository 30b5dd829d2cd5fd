"""The Universal Scalability Law, fitted to one block of a sweep (Gunther, 2007).

The law gives contention, coherency and the peak: with more users than at the peak, throughput
falls. It must fit first.

A hard corner followed by a plateau lies outside the law. The best fit to it falls although the
throughput does not, and places a peak in the middle of every such sweep. Hence a peak counts only
if the law describes the block better than a curve that cannot fall: the asymptotic bounds with a
rounded corner, which have as many parameters. If neither curve describes the block, it shows
nothing: the absence of a peak must be seen, too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.stats.margins import SweepMargins
from lab.stats.sweep_plateau import reach, sweep_points

Values = npt.NDArray[np.float64]

_ROUNDING = (1, 1.5, 2, 3, 4, 6, 10, 20)  # of the corner: from Amdahl's law to hardly any


@dataclass(frozen=True)
class Peak:
    """The point of the highest throughput.

    Attributes:
        users: Number of users, not rounded.
        throughput: Their throughput, requests per second.
    """

    users: float
    throughput: float


@dataclass(frozen=True)
class ScalabilityLaw:
    """X(N) = rate * N / (1 + sigma (N - 1) + kappa N (N - 1)), fitted (Gunther, 2007).

    Attributes:
        rate: lambda, the throughput of a single user, requests per second.
        sigma: Contention: the share of the work that is serial, 0 to 1.
        kappa: Coherency: the cost of consistency for each pair of users, >= 0.
        misfit: Standard deviation of measured over fitted throughput, as a share (root mean
            square of the residuals over ``levels - 3``).
        saturating_misfit: The same for the best curve that rises and saturates but never falls.
            If it is smaller than `misfit`, kappa stands for a corner, not for coherency.
        peak: The law's highest throughput, if it lies within the `reach` of the sweep.
        rises: Whether the block shows "no peak in this range": throughput does not fall up to the
            `reach`, and is on the plateau at the highest level. It may be a little lower there: a
            single block cannot tell a slow fall from noise. With neither this nor a peak, no curve
            describes the block.
        fits: Whether the law describes the block, so that its parameters have a meaning.
    """

    rate: float
    sigma: float
    kappa: float
    misfit: float
    saturating_misfit: float
    peak: Peak | None
    rises: bool
    fits: bool

    @property
    def maximum(self) -> float:
        """Users at the maximum of the fitted curve, in the sweep or not; infinite if it rises."""
        return math.sqrt((1 - self.sigma) / self.kappa) if self.kappa else math.inf

    def throughput(self, users: npt.ArrayLike) -> Values:
        """Return the fitted throughput for each number of users.

        Args:
            users: Numbers of users, any shape.

        Returns:
            Requests per second, of the shape of ``users``.
        """
        n = np.asarray(users, dtype=np.float64)
        return _law(self.rate, self.sigma, self.kappa, n)


def fit_law(
    users: npt.ArrayLike, throughput: npt.ArrayLike, margins: SweepMargins
) -> ScalabilityLaw | None:
    """Fit the Universal Scalability Law to one block of a sweep (Gunther, 2007).

    N / X is linear in the unknowns, so that the bounded least squares over relative residuals
    have one solution, found without a starting point (non-negative least squares: Lawson &
    Hanson, 1974).

    The peak sqrt((1 - sigma) / kappa) counts only if the sweep passes it by the `pass_factor`, the
    law fits, and no saturating curve fits better. "No peak" counts only if one of the two curves
    fits, its peak lies beyond the reach, and the highest level is still on the plateau.

    Args:
        users: The levels of the sweep, > 0, in any order; one-dimensional.
        throughput: Measured at each level, > 0, requests per second.
        margins: When a curve describes the block, and how far the sweep reaches.

    Returns:
        The fit; None if the best curve has no finite throughput for a single user, as when a
        sweep without small levels only falls.

    Raises:
        ValueError: If lengths differ, a value is not positive and finite, or there are fewer than
            four different levels.
    """
    n, x = sweep_points(users, throughput)
    if len(np.unique(n)) < 4:
        raise ValueError("three parameters need at least four different levels")
    # N / X = free + serial * N + pairs * N (N - 1): with these, sigma cannot leave [0, 1].
    columns = np.stack((np.ones_like(n), n, n * (n - 1)), axis=1)
    (free, serial, pairs), residuals = _relative_fit(columns * (x / n)[:, np.newaxis])
    if free + serial == 0:
        return None
    rate = 1 / (free + serial)
    sigma, kappa = serial * rate, pairs * rate
    degrees = len(n) - 3
    misfit = math.sqrt(float(residuals @ residuals) / degrees)
    saturating_misfit = math.sqrt(_saturating_squares(n, x) / degrees)
    peak, rises = None, False
    if min(misfit, saturating_misfit) <= margins.max_misfit:
        falls = pairs > 0 and misfit < saturating_misfit
        best = math.sqrt(free / pairs) if falls else math.inf
        if n.min() <= best <= reach(n, margins):
            peak = Peak(best, float(_law(rate, sigma, kappa, np.float64(best))))
        last = x[n == n.max()].mean()
        rises = best > reach(n, margins) and bool(last >= margins.plateau * x.max())
    fits = misfit <= margins.max_misfit
    return ScalabilityLaw(rate, sigma, kappa, misfit, saturating_misfit, peak, rises, fits)


def _law(rate: float, sigma: float, kappa: float, n: Values | np.float64) -> Values:
    """Return the law's throughput."""
    return np.asarray(rate * n / (1 + sigma * (n - 1) + kappa * n * (n - 1)))


def _relative_fit(columns: Values) -> tuple[list[float], Values]:
    """Return the coefficients >= 0 whose combination of columns is nearest to 1, and residuals."""
    # Imported here because scipy takes long to load, and most commands never need it.
    from scipy import optimize

    scale = np.linalg.norm(columns, axis=0)
    target = np.ones(len(columns))
    coefficients = optimize.nnls(columns / scale, target)[0] / scale
    return coefficients.tolist(), columns @ coefficients - 1


def _saturating_squares(n: Values, x: Values) -> float:
    """Return the squared relative residuals of the best curve that rises and saturates.

    (N / X)**m = R_min**m + (N / X_max)**m: Amdahl's law for m = 1, the bounds themselves for a
    large m. For a given m it is linear. Least squares of the powers are close to least squares of
    the relative residuals.
    """
    bounds = np.stack((x / n, x), axis=1) / x.max()

    def squares(m: float) -> float:
        _, residuals = _relative_fit(bounds**m)
        relative = (residuals + 1) ** (1 / m) - 1
        return float(relative @ relative)

    return min(map(squares, _ROUNDING))
