"""Growth over blocks: what has an exponent, what has none, and what is not known yet."""

from __future__ import annotations

import math

import pytest

from lab.analysis.complexity import block_value, growth
from lab.hypothesis import GROWTHS, MAX_CONSTANT_FACTOR, Bound, Complexity

SIZES = (1.0, 4.0, 16.0, 64.0)
LINEAR = Bound(within=GROWTHS["linear"])
CONSTANT = Bound(at_most=MAX_CONSTANT_FACTOR)


def blocks(grows: Complexity, *grown: float) -> list[float]:
    """Linear functions under an overhead, that grow by these shares from end to end."""
    return [block_value(grows, SIZES, [1 + share * n / 64 for n in SIZES]) for share in grown]


def told(*grown: float) -> tuple[float, float, bool, bool]:
    found = growth("linear", blocks("linear", *grown), blocks("constant", *grown), 0.01)
    return found.low, found.high, found.meets(LINEAR), found.misses(LINEAR)


def test_what_grows_beyond_an_overhead_has_its_exponent() -> None:
    low, high, meets, _ = told(2.0, 2.1, 1.9, 2.0)
    assert low == pytest.approx(1, abs=0.02)
    assert high == pytest.approx(1, abs=0.02)
    assert meets


def test_what_is_constant_for_sure_has_none() -> None:
    assert told(0.01, 0.02, 0.015, 0.018) == (0.0, 0.0, False, True)


def test_what_may_be_constant_is_not_decided() -> None:
    low, high, meets, misses = told(0.17, 0.18, 0.22, 0.23)
    assert (low, high) == (0.0, math.inf)
    assert not meets
    assert not misses


@pytest.mark.parametrize(
    ("factors", "meets", "misses"),
    [
        ((0.97, 1.08, 1.02, 1.05), True, False),
        ((1.29, 1.30, 1.30, 1.31), False, False),  # a logarithm under an overhead
        ((1.60, 1.65, 1.70, 1.62), False, True),
    ],
)
def test_only_what_stays_flat_is_constant(
    factors: tuple[float, ...], meets: bool, misses: bool
) -> None:
    found = growth("constant", factors, factors, 0.01)
    assert (found.meets(CONSTANT), found.misses(CONSTANT)) == (meets, misses)
