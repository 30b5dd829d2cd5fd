"""The summary of an arm's sweep."""

import pytest

from tests.default_margins import summarize_sweeps
from tests.oracles.sweeps import POOL, THINK_S, USERS, closed_curves, law_with_peak

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
