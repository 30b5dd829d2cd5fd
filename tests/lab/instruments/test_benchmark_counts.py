"""Which values of `extra_info` are counts."""

from __future__ import annotations

import decimal
import enum
import fractions
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.instruments.benchmark_counts import counts_of, described, whole_number


class Level(enum.IntEnum):
    HIGH = 3


class Indexed:
    def __index__(self) -> int:
        return 9


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (7, 7),
        (-7, -7),
        (2**70, 2**70),
        (7.0, 7),
        (np.int64(1000), 1000),
        (np.uint8(200), 200),
        (np.array(5), 5),
        (np.float32(8), 8),
        (np.float64(0), 0),
        (Level.HIGH, 3),
        (Indexed(), 9),
    ],
)
def test_whole_numbers_of_any_type_are_counts(value: Any, count: int) -> None:
    found = whole_number(value)
    assert found == count
    assert type(found) is int


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (True, "a bool (True)"),
        (np.True_, "a bool (np.True_)"),
        (0.5, "a fraction (0.5)"),
        (float("inf"), "infinite (inf)"),
        (np.float64("nan"), "not a number (np.float64(nan))"),
        (1e17, "a float too large to be an exact count"),
        (10**400, "an int too large to be an exact count"),
        ("7", "text ('7')"),
        (b"7", "a bytes (b'7')"),
        (None, "None"),
        (decimal.Decimal(7), "a Decimal (Decimal('7'))"),
        (fractions.Fraction(7), "a Fraction (Fraction(7, 1))"),
        ([7], "a list ([7])"),
        (np.array([5, 6]), "a ndarray (array([5, 6]))"),
        (7 + 0j, "a complex ((7+0j))"),
        ("x" * 100, f"text ('{'x' * 36}...)"),
    ],
)
def test_anything_else_is_described(value: Any, what: str) -> None:
    assert whole_number(value) is None
    assert described(value) == what


def test_a_value_that_cannot_be_shown_is_still_described() -> None:
    class Shy:
        def __repr__(self) -> str:
            raise RuntimeError

    assert described(Shy()) == "a Shy (?)"


def test_an_extra_info_that_is_no_dictionary_is_described() -> None:
    assert counts_of([1]) == ({}, {"extra_info": "a list ([1])"})
    assert counts_of({3: 4}) == ({"3": 4}, {})


@given(st.integers(-(2**53), 2**53))
def test_a_float_is_the_count_that_it_holds(number: int) -> None:
    assert whole_number(float(number)) == whole_number(number) == number


@given(st.floats())
def test_no_float_is_rounded(number: float) -> None:
    found = whole_number(number)
    assert found is None or found == number
