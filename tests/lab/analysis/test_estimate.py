"""Slopes compared with bounds: a claim of a leak needs the shape of a leak."""

from __future__ import annotations

import pytest

from lab.analysis.benchmark_scaling import FactorEstimate
from lab.analysis.estimate import Estimate, LimitedEstimate, SlopeEstimate
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


CONSTANT = Bound(at_most=1.2)


@pytest.mark.parametrize(
    ("found", "bound", "gap"),
    [
        (Estimate(3, 1, 5), Bound(at_least=2), 1),
        (Estimate(3, 1, 5), Bound(within=(1, 3.5)), 0.5),
        (LimitedEstimate(3, 1, 5, (2.5, 3.5)), Bound(at_least=2), 1),
        (LimitedEstimate(3, 1, 5, (1.5, 3.5)), Bound(at_least=2), None),
        # a slope whose interval would decide, were it not for its shape
        (SlopeEstimate(7, 6, 8, "stops"), Bound(at_least=5), None),
        (SlopeEstimate(7, 6, 8, "stops"), Bound(at_most=5), None),
        (SlopeEstimate(7, 6, 8), Bound(at_least=5), 2),
        (SlopeEstimate(7, 4, 10, "stops"), Bound(at_least=5), 2),
        (SlopeEstimate(2, 1, 3, "stops"), Bound(at_least=5), 3),  # a lower level may decide it
        (FactorEstimate(1.1, 0.9, 1.3, 1.5), CONSTANT, 0.1),
        (FactorEstimate(1.3, 1.1, 1.4, 1.5), CONSTANT, None),  # neither constant nor growing
        (FactorEstimate(1.7, 1.4, 2.0, 1.5), CONSTANT, 0.2),
    ],
)
def test_the_gap_to_a_decision_is_known_where_more_blocks_can_decide(
    found: Estimate, bound: Bound, gap: float | None
) -> None:
    assert found.gap(bound) == (None if gap is None else pytest.approx(gap))
