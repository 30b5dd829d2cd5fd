"""Complexity over blocks: times with an exponent, constant times, and undecided ones."""

from __future__ import annotations

import math

import pytest

from lab.analysis.estimate import Estimate
from lab.hypothesis import Bound, Complexity
from tests.default_margins import MARGINS, estimate_complexity, exponent_or_factor

SIZES = (1.0, 4.0, 16.0, 64.0)
LINEAR = Bound(within=MARGINS.growth.linear)
CONSTANT = Bound(at_most=MARGINS.growth.max_constant_factor)


def values(complexity: Complexity, *shares: float) -> list[float]:
    """Of linear functions under an overhead, whose time grows by these shares from end to end."""
    return [
        exponent_or_factor(complexity, SIZES, [1 + share * n / 64 for n in SIZES])
        for share in shares
    ]


def linear(*shares: float) -> Estimate:
    return estimate_complexity(
        "linear", values("linear", *shares), values("constant", *shares), 0.01
    )


def test_a_time_that_grows_beyond_its_overhead_has_an_exponent() -> None:
    found = linear(2.0, 2.1, 1.9, 2.0)
    assert found.low == pytest.approx(1, abs=0.02)
    assert found.high == pytest.approx(1, abs=0.02)
    assert found.meets(LINEAR)


def test_a_constant_time_has_the_exponent_zero() -> None:
    found = linear(0.01, 0.02, 0.015, 0.018)
    assert (found.low, found.high) == (0.0, 0.0)
    assert not found.meets(LINEAR)
    assert found.misses(LINEAR)


def test_a_time_that_may_be_constant_is_not_decided() -> None:
    found = linear(0.17, 0.18, 0.22, 0.23)
    assert (found.low, found.high) == (0.0, math.inf)
    assert not found.meets(LINEAR)
    assert not found.misses(LINEAR)


@pytest.mark.parametrize(
    ("factors", "meets", "misses"),
    [
        ((0.97, 1.08, 1.02, 1.05), True, False),
        ((1.29, 1.30, 1.30, 1.31), False, False),  # a logarithm under an overhead
        ((1.60, 1.65, 1.70, 1.62), False, True),
    ],
)
def test_only_a_factor_within_the_limit_is_constant(
    factors: tuple[float, ...], meets: bool, misses: bool
) -> None:
    found = estimate_complexity("constant", factors, factors, 0.01)
    assert (found.meets(CONSTANT), found.misses(CONSTANT)) == (meets, misses)
