"""A power law with an overhead, fitted to the times of a benchmark at several sizes.

t(n) = a + b * n**p with a, b >= 0: an overhead that every call pays, and a part that scales with
the size. The exponent is empirical, as in "trend profiling" (Goldsmith, Aiken & Wilkerson, 2007),
but without the overhead: a log-log slope alone calls a linear function under an overhead sublinear.

A logarithm is no power law; its best fit has an exponent of .1 to .3. n * log n is none either; its
exponent is a little above 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

_EXPONENTS = np.concatenate(([0.01], np.arange(0.05, 4.01, 0.05)))
_REFINED = 41  # exponents tried between the neighbours of the best


@dataclass(frozen=True)
class PowerLaw:
    """t(n) = overhead + scale * n**exponent.

    Attributes:
        overhead: a, seconds, >= 0.
        scale: b, seconds at n = 1, >= 0.
        exponent: p, from 0.01 to 4; without meaning if `scale` is 0.
    """

    overhead: float
    scale: float
    exponent: float

    def at(self, sizes: npt.ArrayLike) -> Values:
        """Return the fitted time of each size.

        Args:
            sizes: >= 0, any shape.

        Returns:
            Seconds, of the shape of ``sizes``.
        """
        n = np.asarray(sizes, dtype=np.float64)
        return np.asarray(self.overhead + self.scale * n**self.exponent)


def fit_power_law(sizes: Sequence[float], times: Sequence[float]) -> PowerLaw:
    """Fit the power law to one block, by least squares over *relative* residuals.

    For a given exponent the law is linear in a and b: non-negative least squares with two columns,
    which have a closed form. The exponent is searched, first coarsely, then finely.

    Args:
        sizes: At least four different sizes, >= 0, in any order.
        times: The time at each size, > 0, seconds.

    Raises:
        ValueError: If lengths differ, a value is out of range, or there are fewer than four sizes.
    """
    n = np.asarray(sizes, dtype=np.float64)
    t = np.asarray(times, dtype=np.float64)
    if n.shape != t.shape or n.ndim != 1:
        raise ValueError(f"a power law needs one time for each size, not {t.shape} for {n.shape}")
    if not (np.isfinite(n).all() and (n >= 0).all() and np.isfinite(t).all() and (t > 0).all()):
        raise ValueError("a power law needs finite sizes from 0 on, and positive, finite times")
    if len(np.unique(n)) < max(4, len(n)):
        raise ValueError("three parameters need at least four sizes, all different")
    largest = n.max()
    shape = n / largest  # from 0 to 1, so that no power overflows
    best = _best(_EXPONENTS, shape, t)
    place = int(np.searchsorted(_EXPONENTS, best[0]))
    low, high = _EXPONENTS[max(place - 1, 0)], _EXPONENTS[min(place + 1, len(_EXPONENTS) - 1)]
    exponent, overhead, scale = _best(np.linspace(low, high, _REFINED), shape, t)
    return PowerLaw(overhead, scale / float(largest**exponent), exponent)


def _best(exponents: Values, shape: Values, t: Values) -> tuple[float, float, float]:
    """Return the exponent with the least squares, and its coefficients a and b."""
    u = 1 / t
    v = shape[np.newaxis, :] ** exponents[:, np.newaxis] / t
    uu, uv, vv = u @ u, v @ u, (v * v).sum(axis=1)
    u1, v1 = u.sum(), v.sum(axis=1)
    determinant = uu * vv - uv * uv
    with np.errstate(divide="ignore", invalid="ignore"):
        a = (vv * u1 - uv * v1) / determinant
        b = (uu * v1 - uv * u1) / determinant
    # if one would be negative (or the columns are equal), the other is fitted alone
    overhead_alone = ~(b > 0)
    power_alone = ~(a > 0) & ~overhead_alone
    a = np.where(overhead_alone, u1 / uu, np.where(power_alone, 0.0, a))
    b = np.where(overhead_alone, 0.0, np.where(power_alone, v1 / vv, b))
    residuals = a[:, np.newaxis] * u + b[:, np.newaxis] * v - 1
    place = int(np.argmin((residuals * residuals).sum(axis=1)))
    return float(exponents[place]), float(a[place]), float(b[place])
