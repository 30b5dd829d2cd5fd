"""Ranges of values, and bounds in words."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.hypothesis import Bound, Comparison, Prediction, ValueRange

positive = st.floats(min_value=1e-6, max_value=1e6)
ranges = st.tuples(positive, positive).filter(lambda p: p[0] < p[1]).map(lambda p: ValueRange(*p))


@given(ranges, ranges)
def test_reciprocals_keep_how_ranges_lie_to_each_other(one: ValueRange, other: ValueRange) -> None:
    assert one.reciprocal().is_disjoint_from(other.reciprocal()) == one.is_disjoint_from(other)
    assert one.reciprocal().is_within(one.reciprocal().reciprocal().reciprocal())
    assert not (one.is_disjoint_from(other) and one.is_within(other))


@pytest.mark.parametrize(
    ("bound", "words"),
    [
        (Bound(at_least=2.5), "at least 2.5"),
        (Bound(at_most=0.0), "at most 0"),
        (Bound(within=(0.9, 1.1)), "within 0.9 to 1.1"),
        (Bound(at_most=1048576.0), "at most 1048576"),
        (Bound(at_least=0.9995), "at least 0.9995"),
    ],
)
def test_a_bound_in_words(bound: Bound, words: str) -> None:
    assert str(bound) == words


def test_the_range_of_a_bound_is_open_where_it_has_no_edge() -> None:
    assert Bound(at_least=2.5).range == (2.5, math.inf)
    assert Bound(at_most=2.5).range == (0.0, 2.5)
    assert Bound(within=(0.9, 1.1)).range == (0.9, 1.1)


def test_the_bound_of_a_slope_has_its_unit_in_words() -> None:
    with_without = Comparison("with", "without", "-")
    grows = Prediction("it grows", "", Bound(within=(5e6, 7e6)), None, with_without, slope="bytes")
    assert (grows.quantity, grows.subject) == ("slope of bytes", "with - without")
    assert grows.bound_words == "within 5 MB/h to 7 MB/h"
    finer = replace(grows, bound=Bound(at_least=5.0625e6))
    assert finer.bound_words == "at least 5.0625 MB/h"


def test_a_growth_with_size_is_predicted_as_an_exponent_or_a_factor() -> None:
    linear = Prediction("it grows", "time", Bound(within=(0.8, 1.25)), "one", grows="linear")
    constant = Prediction("it does not", "time", Bound(at_most=1.2), "one", grows="constant")
    assert linear.bound_words == "linear: exponent within 0.8 to 1.25"
    assert constant.bound_words == "constant: at most 1.2×"
    assert linear.subject == "one, growth"
