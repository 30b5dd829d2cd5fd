"""The table of nominal levels."""

import json
import math

import numpy as np
import pytest
from scipy import special, stats

from lab.stats import pocock_table
from lab.stats.sequential_looks import TABLE, nominal_level

DATA = json.loads(TABLE.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("alpha", "last", "level", "half_digit"),
    [
        (0.05, 12, 0.0141, 0.00005),
        (0.01, 12, 0.0022, 0.00005),
        (0.005, 12, 0.0010, 0.00005),
        (0.01 / 3, 12, 0.00065, 0.000005),
        (0.05, 8, 0.0199, 0.00005),
    ],
)
def test_figures_found_by_another_simulation(
    alpha: float, last: int, level: float, half_digit: float
) -> None:
    """Within the digits given and half a percent for the other simulation."""
    assert nominal_level(alpha, 4, last) == pytest.approx(level, abs=half_digit + 0.005 * level)


@pytest.mark.slow
def test_five_looks_at_one_per_cent_by_an_independent_count() -> None:
    """Scipy's t tests confirm the table's .0032, and reject .0031.

    The count is fine enough to find an error of that size in the table.
    """
    values = np.random.default_rng(3).standard_normal((1_000_000, 8))
    level = nominal_level(0.01, 4, 8)
    hits = {candidate: np.zeros((2, len(values)), dtype=bool) for candidate in (level, 0.0031)}
    for n in range(4, 9):
        t = stats.ttest_1samp(values[:, :n], 0, axis=1).statistic
        for candidate, hit in hits.items():
            critical = -special.stdtrit(n - 1, candidate)
            hit |= np.stack((t > critical, t < -critical))
    standard_error = math.sqrt(0.01 * 0.99 / (2 * len(values)))
    assert hits[level].mean() == pytest.approx(0.01, abs=3 * standard_error)
    assert hits[0.0031].mean() < 0.01 - 3 * standard_error


@pytest.mark.slow
def test_a_smaller_simulation_with_another_seed_agrees() -> None:
    """Every range of looks and alpha, within four of its own standard errors."""
    counts = pocock_table.simulate(np.random.default_rng(12), 300_000)
    errors = []
    for (first, last), counted in counts.items():
        for alpha in DATA["alphas"]:
            level, error = pocock_table.quantile(counted, alpha)
            errors.append(abs(math.log(level / nominal_level(alpha, first, last))) / error)
    assert max(errors) < 4


def test_the_table_states_how_it_was_computed() -> None:
    """It has the keys that the script writes, and is precise enough."""
    made = pocock_table.table(pocock_table.CHUNK, 1)
    assert made.keys() == DATA.keys()
    assert made["alphas"] == DATA["alphas"]
    assert {first: list(rows) for first, rows in made["levels"].items()} == {
        first: list(rows) for first, rows in DATA["levels"].items()
    }
    assert DATA["seed"] == pocock_table.SEED
    assert DATA["paths"] == 2 * pocock_table.DRAWS
    assert max(DATA["relative_standard_error"]) < 0.01


def test_more_looks_and_a_smaller_alpha_lower_the_level() -> None:
    """Strictly, throughout the table."""
    for rows in DATA["levels"].values():
        table = np.array(list(rows.values()))
        assert (np.diff(table, axis=0) < 0).all()
        assert (np.diff(table, axis=1) > 0).all()


def test_a_single_look_has_the_level_alpha() -> None:
    """It is an ordinary t test."""
    assert nominal_level(0.01, 6, 6) == 0.01


def test_between_alphas_the_level_is_interpolated() -> None:
    """Without a tabulated alpha, its neighbours give its level within 1 %."""
    low, middle, high = (nominal_level(alpha, 4, 12) for alpha in (0.01, 0.0125, 0.05 / 3))
    share = math.log(0.0125 / 0.01) / math.log(5 / 3)
    assert low * (high / low) ** share == pytest.approx(middle, rel=0.01)
    assert nominal_level(0.01001, 4, 12) == pytest.approx(low, rel=0.002)
    assert low < nominal_level(0.011, 4, 12) < middle


@pytest.mark.parametrize(
    ("alpha", "first", "last", "available"),
    [
        (0.001, 4, 12, r"0\.00125 to 0\.05"),
        (0.06, 4, 12, r"0\.00125 to 0\.05"),
        (math.nan, 4, 12, r"0\.00125 to 0\.05"),
        (0.01, 2, 12, "from 3 to 3, 4, 5"),
        (0.01, 4, 17, "16, 20, 24"),
        (0.01, 12, 4, "no levels for looks from 12 to 4"),
    ],
)
def test_nothing_is_extrapolated(alpha: float, first: int, last: int, available: str) -> None:
    """The message names what is available."""
    with pytest.raises(ValueError, match=available):
        nominal_level(alpha, first, last)
