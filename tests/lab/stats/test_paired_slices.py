"""The ratio of two things that were measured in turn."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest

from lab.stats.paired_slices import median_error, paired_log_ratio


def test_it_is_the_median_of_the_log_ratios_of_each_round() -> None:
    assert paired_log_ratio([1.0, 2.0, 4.0], [2.0, 2.0, 16.0]) == pytest.approx(math.log(2))
    assert paired_log_ratio([1.0, 1.0], [1.0, math.e**2]) == pytest.approx(1.0)


def test_exchanging_the_two_changes_the_sign_alone() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.lognormal(size=(2, 31)).tolist()
    assert paired_log_ratio(a, b) == pytest.approx(-paired_log_ratio(b, a))


def test_speeds_of_the_machine_and_interrupted_slices_cancel() -> None:
    """Two speeds a factor of two apart, that last several rounds; every tenth slice interrupted."""
    rng = np.random.default_rng(2)
    paired, of_means = [], []
    for _ in range(200):
        speed = np.repeat(rng.choice([1.0, 2.0], 10), 4)[:40]
        a, b = (
            speed * rng.lognormal(0, 0.02, 40) * np.where(rng.random(40) < 0.1, 3.0, 1.0)
            for _ in range(2)
        )
        paired.append(paired_log_ratio(a.tolist(), b.tolist()))
        # as it would be if the two were measured one after the other
        other = np.repeat(rng.choice([1.0, 2.0], 10), 4)[:40] * rng.lognormal(0, 0.02, 40)
        of_means.append(math.log(other.mean() / a.mean()))
    assert statistics.stdev(paired) < statistics.stdev(of_means) / 8
    assert abs(statistics.fmean(paired)) < 3 * statistics.stdev(paired) / math.sqrt(len(paired))


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ([], [], "at least one round"),
        ([1.0], [1.0, 2.0], "equal lengths"),
        ([0.0], [1.0], "positive"),
        ([1.0], [math.inf], "finite"),
    ],
)
def test_what_cannot_be_paired_is_an_error(a: list[float], b: list[float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        paired_log_ratio(a, b)


def test_the_error_of_a_median_follows_from_the_scatter_of_the_rounds() -> None:
    rng = np.random.default_rng(3)
    logs = rng.normal(0.0, 0.1, (2_000, 31))
    expected = float(np.median(logs, axis=1).var())
    ones = [1.0] * 31
    found = [median_error(ones, np.exp(each).tolist()) ** 2 for each in logs[:500]]
    assert np.mean(found) == pytest.approx(expected, rel=0.15)
    assert median_error([], []) == 0
