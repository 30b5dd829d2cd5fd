from __future__ import annotations

import numpy as np
import pytest

from lab.stats.decision_forecast import LIKELY, blocks_to_decide, likely_distances
from lab.stats.sequential_looks import nominal_level
from lab.stats.student_t import critical_value, noncentrality
from tests.oracles.simulation import decision_rates, normal

FIRST, LAST = 4, 12
LEVEL = nominal_level(0.01, FIRST, LAST)


@pytest.mark.parametrize("last", [4, 7, 12])
def test_at_the_likely_distance_nine_runs_in_ten_are_decided(last: int) -> None:
    """By the simulated rule itself, with draws of its own."""
    distance = likely_distances(FIRST, LAST, LEVEL)[last - FIRST]
    values = normal(np.random.default_rng(5), 20_000, last, sd=1.0) + distance
    rates = decision_rates(values, 0.0, LEVEL, FIRST, last)
    # the standard error of both simulations together is .003
    assert rates.supported == pytest.approx(LIKELY, abs=0.01)
    assert rates.contradicted < 0.001


def test_one_look_is_a_t_test() -> None:
    """Its power is that of the noncentral t distribution."""
    [distance] = likely_distances(6, 6, 0.01)
    assert distance * 6**0.5 == pytest.approx(noncentrality(0.01, 5, LIKELY), rel=0.02)


def test_more_blocks_suffice_for_less() -> None:
    distances = likely_distances(FIRST, LAST, LEVEL)
    assert len(distances) == LAST - FIRST + 1
    assert list(distances) == sorted(distances, reverse=True)


def test_blocks_to_decide_is_the_first_look_that_likely_decides() -> None:
    distances = likely_distances(FIRST, LAST, LEVEL)
    assert blocks_to_decide(100.0, FIRST, LAST, LEVEL) == FIRST
    assert blocks_to_decide(distances[3], FIRST, LAST, LEVEL) == FIRST + 3
    assert blocks_to_decide(distances[-1] * 0.99, FIRST, LAST, LEVEL) is None


@pytest.mark.parametrize("distance", [1.8, 2.2, 4.0])
@pytest.mark.parametrize("level", [LEVEL, nominal_level(0.01 / 4, FIRST, LAST)])
def test_as_many_blocks_as_forecast_decide_and_one_less_does_not(
    distance: float, level: float
) -> None:
    """By the simulated rule, with draws of its own; .01 is three standard errors of both."""
    blocks = blocks_to_decide(distance, FIRST, LAST, level)
    assert blocks is not None
    assert blocks > FIRST
    values = normal(np.random.default_rng(11), 20_000, LAST, sd=1.0) - distance
    assert decision_rates(values, 0.0, level, FIRST, blocks).contradicted > LIKELY - 0.01
    assert decision_rates(values, 0.0, level, FIRST, blocks - 1).contradicted < LIKELY + 0.01


@pytest.mark.parametrize("other", [1.9, 2.5])
def test_both_edges_have_to_be_met_from_within(other: float) -> None:
    """By the simulated rule, with draws of its own."""
    distance = 1.9
    blocks = blocks_to_decide(distance, FIRST, LAST, LEVEL, other)
    nearest = blocks_to_decide(distance, FIRST, LAST, LEVEL)
    assert blocks is not None and nearest is not None
    assert FIRST < nearest <= blocks
    values = normal(np.random.default_rng(11), 20_000, LAST, sd=1.0)
    counts = np.arange(1, LAST + 1)
    means = values.cumsum(axis=1) / counts
    decided = np.zeros(len(values), dtype=bool)
    shares = {}
    for count in range(FIRST, LAST + 1):
        error = values[:, :count].std(axis=1, ddof=1) / count**0.5
        half = critical_value(LEVEL, count - 1) * error
        mean = means[:, count - 1]
        decided |= (mean - half >= -distance) & (mean + half <= other)
        shares[count] = decided.mean()
    assert shares[blocks] > LIKELY - 0.01
    assert shares[blocks - 1] < LIKELY + 0.01


def test_a_far_edge_changes_nothing() -> None:
    nearest = blocks_to_decide(2.2, FIRST, LAST, LEVEL)
    assert blocks_to_decide(2.2, FIRST, LAST, LEVEL, 1e6) == nearest is not None
