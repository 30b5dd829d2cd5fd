"""What every analysis yields."""

from __future__ import annotations

from dataclasses import dataclass

from lab.hypothesis import Bound


@dataclass(frozen=True)
class Estimate:
    """A number with its repeated confidence interval, in the units of the bound."""

    estimate: float
    low: float
    high: float

    def meets(self, bound: Bound) -> bool:
        """Whether the whole interval meets the bound."""
        if bound.at_least is not None:
            return self.low >= bound.at_least
        if bound.at_most is not None:
            return self.high <= bound.at_most
        assert bound.within is not None
        return bound.within[0] <= self.low and self.high <= bound.within[1]

    def misses(self, bound: Bound) -> bool:
        """Whether the whole interval falls short of the bound."""
        if bound.at_least is not None:
            return self.high < bound.at_least
        if bound.at_most is not None:
            return self.low > bound.at_most
        assert bound.within is not None
        return self.high < bound.within[0] or self.low > bound.within[1]


@dataclass(frozen=True)
class SlopeEstimate(Estimate):
    """A slope per hour; `flaw` tells why it has not the shape of a leak, if it has not."""

    flaw: str | None = None

    def meets(self, bound: Bound) -> bool:
        """Whether the interval meets the bound; that something grows must be seen to go on."""
        lowest = bound.at_least if bound.within is None else bound.within[0]
        asserts_growth = lowest is not None and lowest > 0
        return super().meets(bound) and not (asserts_growth and self.flaw)

    def misses(self, bound: Bound) -> bool:
        """Whether the interval misses it; by growing too much only where it is seen to go on."""
        highest = bound.at_most if bound.within is None else bound.within[1]
        too_much = highest is not None and self.low > highest
        return super().misses(bound) and not (too_much and self.flaw)
