"""The summary of an arm's sweep."""

import numpy as np
import pytest

from lab.analysis.sweep_curve import SweepCurve
from tests.default_margins import MARGINS, summarize_sweeps
from tests.oracles.sweeps import (
    POOL,
    THINK_S,
    USERS,
    closed_curve,
    closed_curves,
    law_with_peak,
)

TAIL = 0.0022  # of one look, with an error of .01 over all looks


def test_the_summary_holds_what_a_report_shows() -> None:
    """The law's parameters only if it fits, the bounds in both cases."""
    peaked = summarize_sweeps(closed_curves(law_with_peak(0.05, 16), 6), TAIL)
    assert peaked.law is not None
    assert peaked.law_blocks == peaked.blocks == 6
    assert peaked.law.sigma.low <= 0.05 <= peaked.law.sigma.high
    assert peaked.law.throughput(16) == pytest.approx(law_with_peak(0.05, 16)[4], rel=0.1)
    assert peaked.peak is not None
    saturating = summarize_sweeps(closed_curves(POOL, 6, THINK_S), TAIL)
    assert saturating.law is None
    assert saturating.law_blocks < 4
    assert saturating.bounds is not None
    assert saturating.bounds.think == pytest.approx(0.25, abs=0.02)
    assert saturating.bounds.response == pytest.approx(0.16, abs=0.02)
    assert [point.level for point in saturating.points] == USERS.tolist()
    for point, truth in zip(saturating.points, POOL, strict=True):
        assert point.low <= point.throughput <= point.high
        assert point.throughput == pytest.approx(truth, rel=0.05)


def test_a_law_that_stands_for_a_corner_beyond_the_sweep_does_not_count() -> None:
    """It fits, and its peak lies beyond the sweep; a curve that cannot fall fits better."""
    curve = closed_curve((USERS / (1 + (USERS / 64) ** 3) ** (1 / 3)).tolist())
    law = curve.law
    assert law is not None
    assert law.fits and law.peak is None and law.kappa > 0 and law.maximum > curve.reach
    found = summarize_sweeps([curve] * 4, TAIL)
    assert (found.law, found.law_blocks) == (None, 0)


def test_a_law_without_coherency_cannot_stand_for_a_corner() -> None:
    curve = closed_curve((USERS / (1 + 0.05 * np.sqrt(USERS - 1))).tolist())
    found = summarize_sweeps([curve] * 4, TAIL)
    assert found.law_blocks == 4
    assert found.law is not None and found.law.kappa.estimate == 0


def test_a_sweep_that_begins_near_saturation_has_a_capacity_and_no_knee() -> None:
    """The upper bound is then the capacity alone."""
    rates = (20.0, 25.0, 40.0, 80.0)
    curve = SweepCurve(
        levels=rates,
        users=(2.0, 4.0, 16.0, 100.0),
        throughput=(20.0, 25.0, 30.0, 30.0),
        response=(0.1, 0.16, 0.53, 3.3),
        closed=False,
        margins=MARGINS.sweep,
    )
    found = summarize_sweeps([curve] * 4, TAIL)
    assert found.capacity is not None and found.capacity.estimate == pytest.approx(30)
    assert found.knee is None
    assert found.bounds is not None and found.bounds.response is None
    assert found.bounds.throughput([1, 100]) == pytest.approx([30, 30])
