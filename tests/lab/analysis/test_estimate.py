"""Slopes compared with bounds: a claim of a leak needs the shape of a leak."""

from __future__ import annotations

import pytest

from lab.analysis.estimate import SlopeEstimate
from lab.hypothesis import Bound


@pytest.mark.parametrize(
    ("low", "high", "bound", "no_leak_reason", "meets", "misses"),
    [
        (6, 9, Bound(at_least=5), None, True, False),
        (6, 9, Bound(at_least=5), "stops", False, False),
        (6, 9, Bound(within=(5, 10)), "stops", False, False),
        (6, 9, Bound(within=(5, 10)), None, True, False),
        (-9, 4, Bound(at_least=5), "stops", False, True),
        (-9, 4, Bound(at_most=5), "stops", True, False),
        (6, 9, Bound(at_most=5), None, False, True),
        (6, 9, Bound(at_most=5), "stops", False, False),
        (-9, -6, Bound(within=(-5, 5)), "stops", False, True),
        (6, 9, Bound(within=(-5, 5)), "stops", False, False),
        (-1, 1, Bound(within=(-5, 5)), "stops", True, False),
    ],
)
def test_a_leak_is_claimed_of_the_shape_of_a_leak_only(
    low: float, high: float, bound: Bound, no_leak_reason: str | None, meets: bool, misses: bool
) -> None:
    found = SlopeEstimate((low + high) / 2, low, high, no_leak_reason)
    assert (found.meets(bound), found.misses(bound)) == (meets, misses)
