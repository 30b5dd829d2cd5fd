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
