"""Growth over blocks: what has an exponent, what has none, and what is not known yet."""

from __future__ import annotations

import math

import pytest

from lab.analysis.growth import block_value, growth
from lab.hypothesis import GROWTHS, Bound, Grows

SIZES = (1.0, 4.0, 16.0, 64.0)
LINEAR = Bound(within=GROWTHS["linear"])


def blocks(grows: Grows, *grown: float) -> list[float]:
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
    low, high, meets, misses = told(0.07, 0.08, 0.12, 0.13)
    assert (low, high) == (0.0, math.inf)
    assert not meets
    assert not misses
