"""The histogram against sorted data."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.stats.latency_histogram import ACCURACY, SMALLEST, Histogram, min_count

SECONDS = st.floats(min_value=SMALLEST, max_value=1e5)
SAMPLES = st.lists(SECONDS, max_size=200)


def filled(values: list[float]) -> Histogram:
    """Return a histogram of these values."""
    histogram = Histogram()
    histogram.add_many(values)
    return histogram


@given(st.lists(SECONDS, min_size=1, max_size=200), st.integers(0, 1000))
def test_a_quantile_is_within_the_promised_error(values: list[float], permille: int) -> None:
    """Of the sorted value at the nearest rank, in integers: no rounding is shared with the code."""
    rank = max(1, -(-permille * len(values) // 1000))
    answer = filled(values).quantile(permille / 1000, beyond=0)
    assert answer == pytest.approx(sorted(values)[rank - 1], rel=ACCURACY * (1 + 1e-9))


@given(SAMPLES)
def test_adding_one_by_one_is_adding_many(values: list[float]) -> None:
    """The scalar and the vectorised path agree."""
    one_by_one = Histogram()
    for value in values:
        one_by_one.add(value)
    assert one_by_one == filled(values)


@given(SAMPLES, SAMPLES)
def test_merging_is_adding_all(left: list[float], right: list[float]) -> None:
    """Nothing is lost, and the other histogram stays as it is."""
    merged, other = filled(left), filled(right)
    merged.merge(other)
    assert merged == filled(left + right)
    assert other == filled(right)


@given(SAMPLES)
def test_a_histogram_is_read_from_json_as_written(values: list[float]) -> None:
    """An empty one too."""
    histogram = filled(values)
    again = Histogram.from_dict(json.loads(json.dumps(histogram.as_dict())))
    assert again == histogram
    assert (again.count, again.total) == (histogram.count, histogram.total)


@given(st.lists(SECONDS, min_size=1, max_size=200))
def test_total_minimum_and_maximum_are_exact(values: list[float]) -> None:
    """They are not rounded to buckets."""
    histogram = filled(values)
    assert histogram.count == len(values)
    assert histogram.total == pytest.approx(math.fsum(values), rel=1e-12)
    assert histogram.mean == pytest.approx(math.fsum(values) / len(values), rel=1e-12)
    assert (histogram.min, histogram.max) == (min(values), max(values))


@given(st.lists(SECONDS, min_size=1, max_size=200))
def test_the_cdf_rises_to_one_at_the_largest_value(values: list[float]) -> None:
    """Each share is that of the values up to the edge, but for those at the edge itself."""
    points = list(filled(values).cdf())
    assert points == sorted(points)
    assert points[-1] == (max(values), 1.0)
    for edge, share in points:
        assert sum(value <= edge * (1 - 1e-9) for value in values) <= share * len(values) + 1e-6
        assert sum(value <= edge * (1 + 1e-9) for value in values) >= share * len(values) - 1e-6


@pytest.mark.parametrize(
    ("q", "enough"), [(0.5, 20), (0.9, 100), (0.99, 1000), (0.999, 10_000), (0.1, 101)]
)
def test_a_quantile_with_fewer_than_ten_samples_beyond_is_refused(q: float, enough: int) -> None:
    """The count that is just enough, and one less."""
    assert filled([1.0] * enough).quantile(q) is not None
    assert filled([1.0] * (enough - 1)).quantile(q) is None


def test_the_rank_is_that_of_the_decimal() -> None:
    """In floating point 0.07 * 100 exceeds 7."""
    values = [float(rank) for rank in range(1, 101)]
    answer = filled(values).quantile(np.float64(0.07), beyond=0)
    assert answer == pytest.approx(7, rel=ACCURACY)


def test_shorter_values_count_as_the_smallest() -> None:
    """Zero and negative ones included."""
    histogram = filled([0.0, -1.0, 1e-9])
    histogram.add(0.0)
    assert (histogram.min, histogram.max, histogram.count) == (SMALLEST, SMALLEST, 4)
    assert histogram.total == pytest.approx(4 * SMALLEST)


def test_an_empty_one_knows_nothing() -> None:
    """None, rather than a number that looks like a measurement."""
    empty = Histogram()
    assert (empty.min, empty.max, empty.mean, empty.quantile(0.5, beyond=0)) == (None,) * 4
    assert list(empty.cdf()) == []


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_refused(value: float) -> None:
    """The histogram stays unchanged."""
    histogram = Histogram()
    with pytest.raises(ValueError, match="finite"):
        histogram.add(value)
    with pytest.raises(ValueError, match="finite"):
        histogram.add_many([1.0, value])
    assert histogram == Histogram()


def test_another_accuracy_is_refused() -> None:
    """Its buckets have other edges."""
    with pytest.raises(ValueError, match=r"0\.01"):
        Histogram.from_dict(Histogram().as_dict() | {"accuracy": 0.01})


def test_a_quantile_outside_its_range_is_refused() -> None:
    """Most likely a percentage instead of a share."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        filled([1.0]).quantile(99)


def test_different_contents_are_not_equal() -> None:
    """Nor are other types."""
    assert filled([1.0]) != filled([1.0, 1.0])
    assert filled([1.0]) != 1.0


@pytest.mark.parametrize("q", [0.01, 0.25, 0.5, 0.75, 0.9, 0.99])
def test_the_min_count_is_the_smallest_with_a_quantile(q: float) -> None:
    """With one value less there is none."""
    count = min_count(q)
    assert filled([1.0] * count).quantile(q) is not None
    assert filled([1.0] * (count - 1)).quantile(q) is None
    more = min_count(q, 25)
    assert filled([1.0] * more).quantile(q, 25) is not None
    assert filled([1.0] * (more - 1)).quantile(q, 25) is None


@pytest.mark.parametrize("larger", [0, 1, 7, 100])
@pytest.mark.parametrize("q", [0.5, 0.9, 0.99])
def test_a_quantile_beside_larger_values_is_that_of_all_of_them(q: float, larger: int) -> None:
    known, together = Histogram(), Histogram()
    for histogram in (known, together):
        histogram.add_many([0.1 + 0.001 * number for number in range(150)])
    together.add_many([1e6] * larger)
    expected, found = together.quantile(q, beyond=0), known.quantile_beside(q, larger)
    assert expected is not None
    assert found == (expected if expected < 1 else None)
    assert Histogram().quantile_beside(q, larger) is None
