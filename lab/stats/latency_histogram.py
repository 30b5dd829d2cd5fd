"""A latency histogram with a bounded relative error (DDSketch: Masson, Rim & Lee, 2019).

Bucket ``i`` holds the values in ``(gamma**(i - 1), gamma**i]`` with ``gamma = (1 + a) / (1 - a)``.
The point ``2 * gamma**i / (gamma + 1)`` differs by at most a share ``a`` from any value in it.
All histograms have the same buckets, so that merging loses nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from lab.stats.nearest_rank import nearest_rank

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

ACCURACY = 0.005
"""Largest relative error of a quantile."""

SMALLEST = 1e-6
"""Seconds. Shorter values, zero and negative ones included, are counted as this."""

_GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
_LOG_GAMMA = math.log(_GAMMA)

MIN_BEYOND = 10
"""Samples required beyond a quantile. With fewer, a single request would decide it."""


def min_count(q: float, beyond: int = MIN_BEYOND) -> int:
    """Return the smallest number of values for which `Histogram.quantile` returns a quantile.

    Args:
        q: The quantile, 0 < q < 1.
        beyond: Samples required beyond it.
    """
    share = Fraction(str(q))
    return math.ceil(beyond / (1 - share)) if q >= 0.5 else math.floor(beyond / share) + 1


class Histogram:
    """Counts of latencies, in seconds, in buckets of equal relative width.

    A value below `SMALLEST` is counted as `SMALLEST`, also in `total`, `mean`, `min` and `max`.
    No request takes less, and a clock that steps back must not stop a measurement.

    Attributes:
        count: Number of values added.
        total: Their sum, in seconds, not rounded to buckets.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.count = 0
        self.total = 0.0
        self._low = math.inf
        self._high = -math.inf
        self._buckets: Counter[int] = Counter()

    @property
    def min(self) -> float | None:
        """The smallest value, exact, in seconds; None when empty."""
        return self._low if self.count else None

    @property
    def max(self) -> float | None:
        """The largest value, exact, in seconds; None when empty."""
        return self._high if self.count else None

    @property
    def mean(self) -> float | None:
        """The mean, from the exact sum, in seconds; None when empty."""
        return self.total / self.count if self.count else None

    def add(self, value: float) -> None:
        """Count one value.

        Args:
            value: Seconds.

        Raises:
            ValueError: If the value is not finite.
        """
        if not math.isfinite(value):
            raise ValueError(f"a latency must be finite, not {value}")
        value = max(value, SMALLEST)
        self._buckets[math.ceil(math.log(value) / _LOG_GAMMA)] += 1
        self._record(1, value, value, value)

    def add_many(self, values: Sequence[float] | npt.NDArray[np.float64]) -> None:
        """Count many values at once; the same as adding each.

        Args:
            values: Seconds, one-dimensional.

        Raises:
            ValueError: If any value is not finite; none is counted then.
        """
        # Imported here: reading a histogram does not need numpy.
        import numpy as np

        seconds = np.asarray(values, dtype=np.float64)
        if not seconds.size:
            return
        if not np.isfinite(seconds).all():
            raise ValueError("latencies must be finite")
        seconds = np.maximum(seconds, SMALLEST)
        indices = np.ceil(np.log(seconds) / _LOG_GAMMA).astype(np.int64)
        offset = int(indices.min())
        counts = np.bincount(indices - offset)
        for bucket in np.flatnonzero(counts).tolist():
            self._buckets[bucket + offset] += int(counts[bucket])
        self._record(seconds.size, float(seconds.sum()), float(seconds.min()), float(seconds.max()))

    def merge(self, other: Histogram) -> None:
        """Add all values of another histogram, which stays unchanged."""
        self._buckets.update(other._buckets)
        self._record(other.count, other.total, other._low, other._high)

    def quantile(self, q: float, beyond: int = MIN_BEYOND) -> float | None:
        """Return a quantile by nearest rank, or None when too few samples lie beyond it.

        The quantile of ``n`` values is the one of rank ``k = ceil(q * n)`` (at least 1) in
        ascending order, with ``q`` as the decimal that it prints as. Beyond it lie ``n - k``
        values for ``q >= 0.5``, and ``k - 1`` values otherwise: those farther out in the tail.

        Args:
            q: Between 0 and 1.
            beyond: Samples required beyond the rank; 0 requires none.

        Returns:
            Seconds, within a share `ACCURACY` of the true value; None if the histogram is empty
            or fewer than ``beyond`` samples lie beyond the rank.

        Raises:
            ValueError: If ``q`` is outside [0, 1].
        """
        if not 0 <= q <= 1:
            raise ValueError(f"a quantile lies between 0 and 1, not {q}")
        rank = nearest_rank(q, self.count)
        outside = self.count - rank if q >= 0.5 else rank - 1
        return self._of_rank(rank) if self.count and outside >= beyond else None

    def quantile_beside(self, q: float, larger: int) -> float | None:
        """Return a quantile of these values and so many more that are larger than all of them.

        Args:
            q: Between 0 and 1.
            larger: How many there are, of which nothing else is known.

        Returns:
            Seconds, as `quantile`; None if it is one of the larger ones.
        """
        rank = nearest_rank(q, self.count + larger)
        return self._of_rank(rank) if rank <= self.count else None

    def cdf(self) -> Iterator[tuple[float, float]]:
        """Yield, per bucket in use, its upper edge (seconds) and the share of values up to it."""
        for index, seen in self._cumulative():
            yield min(_GAMMA**index, self._high), seen / self.count

    def points(self) -> Iterator[tuple[float, int]]:
        """Yield, per bucket in use, the point that stands for it (seconds) and its count."""
        for index in sorted(self._buckets):
            yield self._point(index), self._buckets[index]

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON types; only buckets in use are listed, by ascending index."""
        return {
            "accuracy": ACCURACY,
            "total": self.total,
            "min": self.min,
            "max": self.max,
            "buckets": {str(index): self._buckets[index] for index in sorted(self._buckets)},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Histogram:
        """Rebuild a histogram from `as_dict`.

        Raises:
            ValueError: If it has another accuracy, so that its buckets have other edges.
            KeyError: If a key is missing.
        """
        if data["accuracy"] != ACCURACY:
            raise ValueError(f"the histogram's accuracy is {data['accuracy']}, not {ACCURACY}")
        histogram = cls()
        buckets = {int(index): int(count) for index, count in data["buckets"].items()}
        if buckets:
            histogram._buckets.update(buckets)
            histogram._record(sum(buckets.values()), data["total"], data["min"], data["max"])
        return histogram

    def __eq__(self, other: object) -> bool:
        """Return whether both have the same counts; sums may differ by rounding."""
        if not isinstance(other, Histogram):
            return NotImplemented
        return (
            self._buckets == other._buckets
            and self._low == other._low
            and self._high == other._high
            and math.isclose(self.total, other.total, rel_tol=1e-9)
        )

    __hash__ = None  # type: ignore[assignment]  # It changes as values are added.

    def __repr__(self) -> str:
        """Return the count and the range as text."""
        return f"Histogram(count={self.count}, min={self.min}, max={self.max})"

    def _record(self, count: int, total: float, low: float, high: float) -> None:
        self.count += count
        self.total += total
        self._low = min(self._low, low)
        self._high = max(self._high, high)

    def _of_rank(self, rank: int) -> float:
        return self._point(next(index for index, seen in self._cumulative() if seen >= rank))

    def _point(self, bucket: int) -> float:
        middle = 2 * _GAMMA**bucket / (_GAMMA + 1)
        return min(max(middle, self._low), self._high)

    def _cumulative(self) -> Iterator[tuple[int, int]]:
        seen = 0
        for index in sorted(self._buckets):
            seen += self._buckets[index]
            yield index, seen
