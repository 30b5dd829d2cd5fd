"""Predictions and rivals: a measure, the arms it is taken of, and the bound that it must meet."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from lab.decision_margins import GrowthMargins
from lab.measures.number_format import MOST_DIGITS
from lab.measures.value_format import format_value

Complexity = Literal["constant", "linear", "quadratic"]

COMPLEXITIES: tuple[Complexity, ...] = get_args(Complexity)


class ValueRange(NamedTuple):
    """The values from `low` to `high`; infinite ends are possible."""

    low: float
    high: float

    def reciprocal(self) -> ValueRange:
        """The range of 1/x: a bound on a / b as one on b / a. Only for values of 0 or more."""
        return ValueRange(1 / self.high, 1 / self.low if self.low else math.inf)

    def is_within(self, other: ValueRange) -> bool:
        """Whether every value of this range is one of the other."""
        return _at_least(self.low, other.low) and _at_least(other.high, self.high)

    def is_disjoint_from(self, other: ValueRange) -> bool:
        """Whether the two share at most an end."""
        if self.is_within(other) or other.is_within(self):
            return False
        return _at_least(self.low, other.high) or _at_least(other.low, self.high)

    def intersection(self, other: ValueRange) -> ValueRange:
        """The values that are in both."""
        return ValueRange(max(self.low, other.low), min(self.high, other.high))


def _at_least(a: float, b: float) -> bool:
    return a >= b or math.isclose(a, b, rel_tol=1e-9)  # 1/x of 1/x is not quite x


@dataclass(frozen=True)
class Bound:
    """What the measure of a prediction must meet; exactly one of the three is set."""

    at_least: float | None = None
    at_most: float | None = None
    within: tuple[float, float] | None = None

    @property
    def key(self) -> str:
        """The one that is set, as written in a file."""
        return next(key for key, value in vars(self).items() if value is not None)

    @property
    def edges(self) -> tuple[float, ...]:
        """The one number of the bound, or the two of `within`."""
        if self.within is not None:
            return self.within
        return tuple(edge for edge in (self.at_least, self.at_most) if edge is not None)

    @property
    def range(self) -> ValueRange:
        """The values of 0 or more that meet it."""
        if self.within is not None:
            return ValueRange(*self.within)
        return ValueRange(
            0.0 if self.at_least is None else self.at_least,
            math.inf if self.at_most is None else self.at_most,
        )

    def __str__(self) -> str:
        edges = " to ".join(f"{edge:.{MOST_DIGITS}g}" for edge in self.edges)
        return f"{self.key.replace('_', ' ')} {edges}"


def growth_bound(complexity: Complexity, margins: GrowthMargins) -> Bound:
    """The bound of a growth: on the factor of a constant time, on the exponent of any other."""
    match complexity:
        case "constant":
            return Bound(at_most=margins.max_constant_factor)
        case "linear":
            return Bound(within=margins.linear)
        case "quadratic":
            return Bound(within=margins.quadratic)


@dataclass(frozen=True)
class Comparison:
    """`compare: left / right` or `compare: left - right`, both names of arms.

    Measures are compared by their ratio. Slopes are compared by their difference, since a slope
    may be 0 or less.
    """

    left: str
    right: str
    operator: Literal["/", "-"] = "/"

    def __str__(self) -> str:
        return f"{self.left} {self.operator} {self.right}"


@dataclass(frozen=True)
class Prediction:
    """One checkable statement; exactly one of `arm` and `compare` is set.

    Attributes:
        says: The statement in the words of its author.
        measure: What is measured; empty for a slope.
        bound: What it must meet; of a slope, per hour.
        arm: The arm whose value is meant.
        compare: The arms that are compared.
        at: The level of a sweep, or the value of a benchmark's parameter.
        during: The name of a stage of an open load.
        grows: How the time of a benchmark grows with its parameter; `bound` follows from it.
        count: The same as `measure` if that is an exact count of a benchmark.
        slope: The series of a soak whose slope is predicted.
    """

    says: str
    measure: str
    bound: Bound
    arm: str | None = None
    compare: Comparison | None = None
    at: float | None = None
    during: str | None = None
    grows: Complexity | None = None
    count: str | None = None
    slope: str | None = None

    @property
    def quantity(self) -> str:
        """What is measured, in words."""
        return self.measure if self.slope is None else f"slope of {self.slope}"

    @property
    def subject(self) -> str:
        """What it is measured of, in words."""
        of = str(self.compare or self.arm)
        if self.grows is not None:
            return f"{of}, growth"
        if self.during is not None:
            return f"{of} during {self.during}"
        return of if self.at is None else f"{of} at {self.at:.12g}"

    @property
    def bound_words(self) -> str:
        """What is predicted, in words; the bound of a slope with its unit."""
        if self.grows == "constant":
            return f"constant: {self.bound}×"
        if self.grows is not None:
            return f"{self.grows}: exponent {self.bound}"
        if self.slope is None:
            return str(self.bound)
        edges = " to ".join(
            format_value(self.quantity, edge, MOST_DIGITS) for edge in self.bound.edges
        )
        return f"{self.bound.key.replace('_', ' ')} {edges}"

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms whose trials decide about it."""
        if self.compare is not None:
            return (self.compare.left, self.compare.right)
        assert self.arm is not None
        return (self.arm,)


@dataclass(frozen=True)
class Rival:
    """Another explanation, and what would be measured if it were the true one."""

    claim: str
    prediction: Prediction
