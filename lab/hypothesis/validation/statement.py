"""A prediction with its place in the file."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lab.hypothesis.prediction import Prediction, ValueRange
from lab.input_files import Node

_CONSTANT = ValueRange(0.0, 0.3)  # exponents that a constant time may seem to have


@dataclass(frozen=True)
class Statement:
    """A prediction of the claim or of a rival, and its node."""

    prediction: Prediction
    node: Node

    @property
    def subject(self) -> str:
        """What is measured, and of what, in words."""
        return f"{self.prediction.quantity} of {self.prediction.subject}"

    @property
    def quantity(self) -> tuple[str, ...]:
        """What is measured: the same for a / b and b / a."""
        of = self.prediction
        at = "growth" if of.grows else str(of.at)
        return (of.quantity, at, str(of.during), *sorted(of.arms))

    @property
    def range(self) -> ValueRange:
        """The predicted values; of a comparison, with the arms in alphabetical order."""
        compare, bound = self.prediction.compare, self.prediction.bound
        if self.prediction.grows is not None:
            return _CONSTANT if self.prediction.grows == "constant" else bound.range
        mirrored = compare is not None and compare.left > compare.right
        if self.prediction.slope is None:
            return bound.range.reciprocal() if mirrored else bound.range
        high, low = bound.range.high, bound.range.low if bound.at_most is None else -math.inf
        return ValueRange(-high, -low) if mirrored else ValueRange(low, high)
