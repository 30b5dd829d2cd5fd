"""The rank-sum test of carry-over, against simulation."""

from __future__ import annotations

import random

import pytest

from lab.stats.carry_over import MIN_SLICES, carry_over


def noise(generator: random.Random) -> float:
    """A log ratio of neighbouring slices: small, and at times a factor of two."""
    spike = generator.choice((-0.7, 0.7)) if generator.random() < 0.1 else 0.0
    return generator.gauss(0.0, 0.03) + spike


def test_without_carry_over_it_is_found_no_more_often_than_its_level_says() -> None:
    generator = random.Random(1)
    runs = 2000
    found = 0
    for _ in range(runs):
        other = [noise(generator) for _ in range(60)]
        same = [noise(generator) for _ in range(20)]
        seen = carry_over(other, same)
        assert seen is not None
        found += seen.p < 0.01
    assert found / runs < 0.01 + 3 * (0.01 * 0.99 / runs) ** 0.5


def test_a_tenth_is_found_under_noise_with_spikes() -> None:
    generator = random.Random(2)
    found, changes = 0, []
    for _ in range(200):
        seen = carry_over(
            [noise(generator) - 0.1 for _ in range(60)], [noise(generator) for _ in range(20)]
        )
        assert seen is not None
        found += seen.p < 0.01
        changes.append(seen.change)
    assert found >= 195
    assert sum(changes) / len(changes) == pytest.approx(-0.1, abs=0.01)


def test_few_slices_show_nothing() -> None:
    assert carry_over([1.0] * 50, [1.0] * (MIN_SLICES - 1)) is None
    assert carry_over([], []) is None


def test_equal_values_show_nothing() -> None:
    seen = carry_over([1.0] * 50, [1.0] * 20)
    assert seen is not None
    assert (seen.change, seen.p, seen.after_other, seen.after_same) == (0.0, 1.0, 50, 20)


def test_the_p_value_is_that_of_an_exact_table() -> None:
    """Five against five, all of the one above all of the other: 2 of 252 orders are as extreme."""
    seen = carry_over([6.0, 7.0, 8.0, 9.0, 10.0], [1.0, 2.0, 3.0, 4.0, 5.0])
    assert seen is not None
    assert seen.p == pytest.approx(2 / 252, rel=0.6)
    assert seen.change == 5.0
