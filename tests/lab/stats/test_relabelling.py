"""False alarms by exchanging the labels of equal arms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lab.stats.relabelling import MAX_BLOCKS, false_alarm_rate
from lab.stats.sequential_looks import nominal_level

LEVEL = nominal_level(0.01, 4, 12)


def test_it_is_the_share_of_all_exchanges_that_one_can_count() -> None:
    """Of four equal values the two exchanges without any noise alarm: all plus, all minus."""
    assert false_alarm_rate([0.1] * 4, 4, 0.01) == 1 / 8


def test_normal_noise_alarms_as_often_as_the_rule_promises() -> None:
    noise = np.random.default_rng(7)
    rates = [false_alarm_rate(list(noise.normal(0, 0.02, 12)), 4, LEVEL) for _ in range(60)]
    assert 0.008 < sum(rates) / len(rates) < 0.03, "two sides of 1 %"


def test_neither_sign_nor_scale_matters() -> None:
    values = [0.01, -0.03, 0.02, 0.015, -0.01, 0.04]
    rate = false_alarm_rate(values, 4, LEVEL)
    assert false_alarm_rate([-3 * value for value in values], 4, LEVEL) == pytest.approx(rate)


@pytest.mark.parametrize("count", [3, MAX_BLOCKS + 1])
def test_too_few_and_too_many_blocks_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=rf"{count} blocks: give 4 to {MAX_BLOCKS}"):
        false_alarm_rate([math.log(1.01)] * count, 4, LEVEL)
