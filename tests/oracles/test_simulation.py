"""Error rates of the sequential rule: as promised, and its known limits."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from lab.stats.confidence_interval import t_interval
from lab.stats.pocock_table import running_t
from lab.stats.sequential_looks import nominal_level
from tests.oracles import simulation
from tests.oracles.simulation import DecisionRates, Values, decision_rates, false_decision_rate

RUNS, BLOCKS = 40_000, 12


def rates(values: Values, alpha: float = 0.01) -> DecisionRates:
    """Return the rates of the default plan."""
    return false_decision_rate(values, alpha=alpha, first=4, last=12)


def standard_error(share: float) -> float:
    """Return the error of a share of the runs."""
    return math.sqrt(share * (1 - share) / RUNS)


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a source that gives the same numbers each time."""
    return np.random.default_rng(7)


@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_the_error_rate_under_normal_noise_is_alpha(rng: np.random.Generator, alpha: float) -> None:
    """On either side, within three standard errors."""
    found = rates(simulation.normal(rng, RUNS, BLOCKS), alpha)
    assert found.supported == pytest.approx(alpha, abs=3 * standard_error(alpha))
    assert found.contradicted == pytest.approx(alpha, abs=3 * standard_error(alpha))
    assert found.runs == RUNS


def test_looks_without_correction_raise_the_error(rng: np.random.Generator) -> None:
    """The plain t interval after each block is wrong more than twice too often."""
    found = decision_rates(simulation.normal(rng, RUNS, BLOCKS), 0, 0.01, first=4, last=12)
    assert min(found.supported, found.contradicted) > 0.02


def test_the_rule_depends_on_the_distance_from_the_bound(rng: np.random.Generator) -> None:
    """A shift of both changes nothing; a shift of the truth alone is nearly always decided."""
    values = simulation.normal(rng, RUNS, BLOCKS)
    moved = false_decision_rate(values + 1, bound=1.0, alpha=0.01, first=4, last=12)
    assert moved.supported == pytest.approx(rates(values).supported, abs=1e-4)
    assert rates(values + 0.2).supported > 0.99
    assert rates(values - 0.2).contradicted > 0.99


def test_the_rule_is_that_of_looks_in_sequence(rng: np.random.Generator) -> None:
    """The vectorised rule gives the same decisions, run by run."""
    for row in simulation.normal(rng, 200, BLOCKS, sd=1.0) + np.linspace(0.9, -3, BLOCKS):
        taken = [t_interval(row[:n].tolist(), nominal_level(0.05, 4, 12)) for n in range(4, 13)]
        decisions = [(i.low > 0, i.high < 0) for i in taken if i.low > 0 or i.high < 0]
        found = rates(row[np.newaxis], alpha=0.05)
        expected = decisions[0] if decisions else (False, False)
        assert (found.supported, found.contradicted) == expected


def test_the_first_decision_is_final() -> None:
    """Four clear blocks above the bound, then eight far below it."""
    values = np.array([[1.0, 1.001, 0.999, 1.0, *[-50.0, -50.1] * 4]])
    assert rates(values) == DecisionRates(supported=1.0, contradicted=0.0, runs=1)


def test_skew_in_one_arm_raises_the_error_on_one_side(rng: np.random.Generator) -> None:
    """A known limit: .10 to .18 at a nominal .01."""
    exponential = rates(simulation.exponential_arm(rng, RUNS, BLOCKS))
    lognormal = rates(simulation.lognormal_arm(rng, RUNS, BLOCKS))
    assert 0.05 < exponential.contradicted < lognormal.contradicted < 0.25
    assert max(exponential.supported, lognormal.supported) < 0.01


def test_noise_in_the_other_arm_hides_skew(rng: np.random.Generator) -> None:
    """With equal noise in both arms much of the error is gone."""
    alone = rates(simulation.exponential_arm(rng, RUNS, BLOCKS))
    shared = rates(simulation.exponential_arm(rng, RUNS, BLOCKS, other=0.05))
    assert shared.contradicted < alone.contradicted / 2


def test_correlated_blocks_raise_the_error(rng: np.random.Generator) -> None:
    """A known limit: .024 at a correlation of .2."""
    found = rates(simulation.autoregressive(rng, RUNS, BLOCKS))
    assert found.supported == pytest.approx(0.024, abs=0.004)
    assert found.contradicted == pytest.approx(0.024, abs=0.004)


def test_random_order_is_robust_to_drift_and_grouped_order_is_not(
    rng: np.random.Generator,
) -> None:
    """With all of a before all of b, drift is often taken for an effect."""
    random = rates(simulation.drifting(rng, RUNS, BLOCKS, "random"))
    fixed = rates(simulation.drifting(rng, RUNS, BLOCKS, "fixed"))
    grouped = rates(simulation.drifting(rng, RUNS, BLOCKS, "grouped"))
    assert max(random.supported, random.contradicted) < 0.01 + 3 * standard_error(0.01)
    assert random.supported < fixed.supported < grouped.supported
    assert grouped.supported > 0.3


@pytest.mark.parametrize(
    "noise",
    [
        simulation.normal,
        simulation.exponential_arm,
        simulation.lognormal_arm,
        simulation.autoregressive,
        lambda rng, runs, blocks: simulation.drifting(rng, runs, blocks, "random"),
    ],
)
def test_every_null_is_centred(
    rng: np.random.Generator, noise: Callable[[np.random.Generator, int, int], Values]
) -> None:
    """The mean of d is 0 within four standard errors, in whole runs."""
    values = noise(rng, RUNS, BLOCKS)
    means = values.mean(axis=1)
    assert values.shape == (RUNS, BLOCKS)
    assert abs(means.mean()) < 4 * means.std() / math.sqrt(RUNS)


def test_neighbouring_blocks_have_the_given_correlation(rng: np.random.Generator) -> None:
    """And every block has the same standard deviation."""
    values = simulation.autoregressive(rng, RUNS, BLOCKS, rho=0.5, sd=0.1)
    assert np.corrcoef(values[:, 5], values[:, 6])[0, 1] == pytest.approx(0.5, abs=0.02)
    assert values.std(axis=0) == pytest.approx(0.1, rel=0.03)


def test_the_running_statistic_equals_scipys(rng: np.random.Generator) -> None:
    """After every block."""
    values = simulation.normal(rng, 5, BLOCKS)
    t = running_t(values, bound=0.01)
    for n in range(2, BLOCKS + 1):
        expected = stats.ttest_1samp(values[:, :n], 0.01, axis=1).statistic
        assert t[:, n - 1] == pytest.approx(expected)


@pytest.mark.parametrize(("first", "last"), [(1, 4), (5, 4), (4, 13)])
def test_impossible_looks_are_refused(first: int, last: int) -> None:
    """Too early, in the wrong order, or beyond the blocks."""
    with pytest.raises(ValueError, match="cannot look"):
        decision_rates(np.zeros((1, 12)), 0, 0.01, first, last)
