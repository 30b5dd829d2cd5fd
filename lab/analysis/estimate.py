"""The result of every analysis: a number with its interval, compared with a bound."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from lab.hypothesis import Bound
from lab.stats.confidence_interval import ConfidenceInterval


@dataclass(frozen=True)
class Estimate:
    """A number with its repeated confidence interval, in the unit of the bound.

    Attributes:
        estimate: The point estimate.
        low: Lower end of the interval, ``-inf`` without one.
        high: Upper end of the interval, ``inf`` without one.
        equal_until: Of values that are all equal: until there are so many blocks that may be
            chance, and there is no interval. None for any others.
    """

    estimate: float
    low: float
    high: float
    equal_until: int | None = field(default=None, kw_only=True)

    @classmethod
    def from_interval(cls, interval: ConfidenceInterval) -> Self:
        """Return the estimate with the ends of an interval."""
        return cls(interval.estimate, interval.low, interval.high)

    def meets(self, bound: Bound) -> bool:
        """Return whether the whole interval meets the bound."""
        if bound.at_least is not None:
            return self.low >= bound.at_least
        if bound.at_most is not None:
            return self.high <= bound.at_most
        assert bound.within is not None
        return bound.within[0] <= self.low and self.high <= bound.within[1]

    def misses(self, bound: Bound) -> bool:
        """Return whether the whole interval lies outside the bound."""
        if bound.at_least is not None:
            return self.high < bound.at_least
        if bound.at_most is not None:
            return self.low > bound.at_most
        assert bound.within is not None
        return self.high < bound.within[0] or self.low > bound.within[1]

    def gap(self, bound: Bound) -> float | None:
        """Return how far the estimate is from the nearest edge of the bound.

        None if no number of blocks can decide.
        """
        return min(abs(self.estimate - edge) for edge in bound.edges)


@dataclass(frozen=True)
class LimitedEstimate(Estimate):
    """An estimate of values of which only limits are known: quantiles, which lie in a bucket.

    Attributes:
        unknown: What the estimate can be by these limits, however many blocks there are.
    """

    unknown: tuple[float, float]

    def is_decidable(self, edge: float) -> bool:
        """Return whether more blocks can tell on which side of the edge of a bound it lies."""
        return not self.unknown[0] < edge < self.unknown[1]

    def gap(self, bound: Bound) -> float | None:
        """As of any estimate; None if an edge of the bound lies within what is unknown."""
        return super().gap(bound) if all(map(self.is_decidable, bound.edges)) else None


@dataclass(frozen=True)
class SlopeEstimate(Estimate):
    """The slope of a soak's series per hour.

    Attributes:
        no_leak_reason: Why the series does not have the shape of a leak; None if it has.
    """

    no_leak_reason: str | None = None

    def meets(self, bound: Bound) -> bool:
        """Return whether the interval meets the bound.

        A bound that asks for a slope above 0 is met only by the shape of a leak.
        """
        lowest = bound.at_least if bound.within is None else bound.within[0]
        asks_for_leak = lowest is not None and lowest > 0
        return super().meets(bound) and not (asks_for_leak and self.no_leak_reason)

    def misses(self, bound: Bound) -> bool:
        """Return whether the interval misses the bound.

        A slope that is too high misses it only with the shape of a leak.
        """
        highest = bound.at_most if bound.within is None else bound.within[1]
        too_high = highest is not None and self.low > highest
        return super().misses(bound) and not (too_high and self.no_leak_reason)

    def gap(self, bound: Bound) -> float | None:
        """As of any estimate; None if only the shape keeps its interval from deciding."""
        by_interval = super().meets(bound), super().misses(bound)
        decided = self.meets(bound), self.misses(bound)
        return super().gap(bound) if by_interval == decided else None
