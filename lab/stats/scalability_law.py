"""How throughput grows with the number of users: one block of a sweep becomes a few numbers.

Two views of the same points. The *bounds* (Denning & Buzen, 1978) need a plateau and give the
capacity and the knee. The *Universal Scalability Law* (Gunther, 2007) needs to fit and gives
contention, coherency and the peak beyond which more users get less done.

A hard corner followed by a plateau lies outside the law: the best fit to it falls, though the
throughput does not, and puts a peak into the middle of every such sweep. Hence a peak counts only
where the law describes the block better than a curve that cannot fall: the bounds with a rounded
corner, which has as many parameters. Where neither describes it, the block tells nothing: that
there is no peak must be seen, too.

Statistics run over blocks: `over_blocks` takes the estimates of all of them, `ruled_out` those
that show no peak.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.stats.confidence_interval import ConfidenceInterval, t_interval
from lab.stats.queueing import AsymptoticBounds

Values = npt.NDArray[np.float64]

PASSES = 1.5
"""A sweep has passed a peak, or a corner, when it goes on to this multiple of it."""

MISFIT = 0.1
"""A curve that is off by more than this share, root mean square, does not describe the block."""

_PLATEAU = 0.9  # of the highest throughput: three standard deviations of 3 % noise below it
_MISSING = 0.25  # share of the blocks that may lack what is estimated
_ROUNDING = (1, 1.5, 2, 3, 4, 6, 10, 20)  # of the corner: from Amdahl's law to hardly any


@dataclass(frozen=True)
class Peak:
    """Where throughput is highest.

    Attributes:
        users: How many are served best, not rounded.
        throughput: What they get, requests per second.
    """

    users: float
    throughput: float


@dataclass(frozen=True)
class ScalabilityLaw:
    """X(N) = rate * N / (1 + sigma (N - 1) + kappa N (N - 1)), fitted (Gunther, 2007).

    Attributes:
        rate: lambda, the throughput of a single user, requests per second.
        sigma: Contention: the share that is done one by one, 0 to 1.
        kappa: Coherency: the cost of agreeing, for each pair of users, >= 0.
        misfit: Standard deviation of measured over fitted throughput, as a share (root mean
            square of the residuals over ``levels - 3``). Beyond `MISFIT` the parameters mean
            nothing.
        saturating_misfit: The same for the best curve that rises and saturates but never falls.
            Where it is the smaller one, kappa stands for a corner, not for coherency.
        peak: Where the law's throughput is highest, within the `reach` of the sweep.
        rises: Whether the block shows "no peak in this range": throughput does not fall up to the
            `reach`. Where there is neither this nor a peak, no curve describes the block.
    """

    rate: float
    sigma: float
    kappa: float
    misfit: float
    saturating_misfit: float
    peak: Peak | None
    rises: bool

    @property
    def fits(self) -> bool:
        """Whether the law describes the block: only then do its parameters mean anything."""
        return self.misfit <= MISFIT

    @property
    def top(self) -> float:
        """Where the fitted curve is highest, within the sweep or not; infinite where it rises."""
        return math.sqrt((1 - self.sigma) / self.kappa) if self.kappa else math.inf

    def throughput(self, users: npt.ArrayLike) -> Values:
        """Return the fitted throughput for each number of users, requests per second."""
        n = np.asarray(users, dtype=np.float64)
        return _law(self.rate, self.sigma, self.kappa, n)


def reach(users: npt.ArrayLike) -> float:
    """Return up to how many users a sweep could show a peak, or a corner: it must pass it."""
    return float(np.max(np.asarray(users, dtype=np.float64))) / PASSES


def fit_law(users: npt.ArrayLike, throughput: npt.ArrayLike) -> ScalabilityLaw | None:
    """Fit the Universal Scalability Law to one block of a sweep (Gunther, 2007).

    N / X is linear in the unknowns, so that the bounded least squares over relative residuals
    have one solution, found without a starting point (non-negative least squares: Lawson &
    Hanson, 1974).

    The peak sqrt((1 - sigma) / kappa) is told only where it lies within the sweep, which must
    pass it `PASSES` times; the law fits; and no saturating curve fits better. That there is none
    is told only where one of the two curves fits, its peak lies beyond, and the highest level is
    on the plateau still.

    Args:
        users: The levels of the sweep, > 0, in any order; one-dimensional.
        throughput: What was measured at each, > 0, requests per second.

    Returns:
        The fit; None where the best curve has no finite throughput for a single user, as when
        a sweep without small levels only falls.

    Raises:
        ValueError: If lengths differ, a value is not positive and finite, or there are fewer than
            four different levels.
    """
    n, x = _sweep(users, throughput)
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
    if min(misfit, saturating_misfit) <= MISFIT:
        falls = pairs > 0 and misfit < saturating_misfit
        best = math.sqrt(free / pairs) if falls else math.inf
        if n.min() <= best <= reach(n):
            peak = Peak(best, float(_law(rate, sigma, kappa, np.float64(best))))
        last = x[n == n.max()].mean()
        rises = best > reach(n) and bool(last >= _PLATEAU * x.max())
    return ScalabilityLaw(rate, sigma, kappa, misfit, saturating_misfit, peak, rises)


def measured_bounds(
    users: npt.ArrayLike, throughput: npt.ArrayLike, response: npt.ArrayLike, think: float = 0.0
) -> AsymptoticBounds | None:
    """Return the asymptotic bounds that one block of a sweep shows (Denning & Buzen, 1978).

    The capacity is the median throughput of the plateau: the levels that reach nine tenths of
    the highest one. No single lucky level decides. R_min is the response time at the smallest
    level.

    Args:
        users: The levels of the sweep, > 0, in any order; one-dimensional. For a sweep over
            rates, the requests in flight (throughput times response time: Little, 1961).
        throughput: What was measured at each, > 0, requests per second.
        response: The mean response time at each, > 0, seconds.
        think: Seconds between an answer and the user's next request.

    Returns:
        The bounds; None where the sweep does not go on to `PASSES` times the first level of the
        plateau (it did not saturate), or where the smallest level belongs to the plateau (its
        requests queue already, unless it is a single user).

    Raises:
        ValueError: If lengths differ or a value is not positive and finite.
    """
    n, x = _sweep(users, throughput)
    _, r = _sweep(users, response)
    plateau = x >= _PLATEAU * x.max()
    first = n[plateau].min()
    if first > reach(n) or first == n.min() > 1:
        return None
    return AsymptoticBounds(float(np.median(x[plateau])), float(r[n.argmin()]), think)


def measured_think(
    users: npt.ArrayLike, throughput: npt.ArrayLike, response: npt.ArrayLike
) -> float:
    """Return how long a user of a closed sweep pauses between an answer and the next request.

    The closed law N = X (R + Z) holds at every level, whatever queues (Denning & Buzen, 1978). It
    is summed over the levels below the plateau: a single user's few requests would tell it
    coarsely, and on the plateau it is a small difference of large times.

    Args:
        users: The levels of the sweep, > 0, in any order; one-dimensional.
        throughput: What was measured at each, > 0, requests per second.
        response: The mean response time at each, > 0, seconds.

    Returns:
        Seconds, >= 0, a request.

    Raises:
        ValueError: If lengths differ or a value is not positive and finite.
    """
    n, x = _sweep(users, throughput)
    _, r = _sweep(users, response)
    below = x < _PLATEAU * x.max()
    below[n.argmin()] = True
    pausing = n[below] - x[below] * r[below]
    return max(0.0, float(pausing.sum() / x[below].sum()))


def over_blocks(estimates: Sequence[float | None], tail: float) -> ConfidenceInterval | None:
    """Return the estimate over blocks and its interval: Student's t, on the log scale.

    For what is above 0 and varies by a share: capacities, knees, peaks, the law's rate. For
    sigma and kappa, which may be 0, take `t_interval`.

    Args:
        estimates: One per block; None where the block shows none.
        tail: Probability left out on each side, in (0, 0.5).

    Returns:
        The geometric mean and its interval; None where more than a quarter of the blocks show
        none, or there are no blocks. A single one is bounded by 0 and infinity only.

    Raises:
        ValueError: If ``tail`` is out of range or an estimate is not positive and finite.
    """
    shown = [estimate for estimate in estimates if estimate is not None]
    if not all(0 < estimate < math.inf for estimate in shown):
        raise ValueError("a log scale needs positive, finite estimates")
    if not shown or len(estimates) - len(shown) > _MISSING * len(estimates):
        return None
    logs = t_interval([math.log(estimate) for estimate in shown], tail)
    return ConfidenceInterval(_exp(logs.estimate), _exp(logs.low), _exp(logs.high))


def ruled_out(rising: int, blocks: int, tail: float) -> bool:
    """Return whether so many blocks of a sweep that show no peak tell that there is none.

    Were there one, a sweep would miss it in a quarter of the blocks at most (more are no estimate
    either, see `over_blocks`); so many would then come by chance with a binomial probability.

    Args:
        rising: How many blocks show that throughput does not fall.
        blocks: Of how many.
        tail: The probability that is rare enough, in (0, 0.5).
    """
    chances = (
        math.comb(blocks, count) * _MISSING**count * (1 - _MISSING) ** (blocks - count)
        for count in range(rising, blocks + 1)
    )
    return blocks > 0 and math.fsum(chances) <= tail


def _law(rate: float, sigma: float, kappa: float, n: Values | np.float64) -> Values:
    """Return the law's throughput."""
    return np.asarray(rate * n / (1 + sigma * (n - 1) + kappa * n * (n - 1)))


def _sweep(users: npt.ArrayLike, measured: npt.ArrayLike) -> tuple[Values, Values]:
    """Return levels and what was measured at them as arrays of one shape."""
    n = np.asarray(users, dtype=np.float64)
    y = np.asarray(measured, dtype=np.float64)
    if n.shape != y.shape or n.ndim != 1 or not n.size:
        raise ValueError(f"a sweep needs one value for each level, not {y.shape} for {n.shape}")
    if not all((values > 0).all() and np.isfinite(values).all() for values in (n, y)):
        raise ValueError("a sweep needs positive, finite levels and values")
    return n, y


def _relative_fit(columns: Values) -> tuple[list[float], Values]:
    """Return the coefficients >= 0 with which the columns come closest to 1, and what is left."""
    # Imported here because scipy takes long to load, and most commands never need it.
    from scipy import optimize

    scale = np.linalg.norm(columns, axis=0)
    target = np.ones(len(columns))
    coefficients = optimize.nnls(columns / scale, target)[0] / scale  # type: ignore[attr-defined]
    return coefficients.tolist(), columns @ coefficients - 1


def _saturating_squares(n: Values, x: Values) -> float:
    """Return the squared relative residuals of the best curve that rises and saturates.

    (N / X)**m = R_min**m + (N / X_max)**m: Amdahl's law for m = 1, the bounds themselves for a
    large m. For a given m it is linear; the squares are least for the powers, which is next to
    least for the relative residuals.
    """
    bounds = np.stack((x / n, x), axis=1) / x.max()

    def squares(m: float) -> float:
        _, residuals = _relative_fit(bounds**m)
        relative = (residuals + 1) ** (1 / m) - 1
        return float(relative @ relative)

    return min(map(squares, _ROUNDING))


def _exp(value: float) -> float:
    return math.inf if value > 700 else math.exp(value)
