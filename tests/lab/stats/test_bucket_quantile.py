from __future__ import annotations

import math
import random

import pytest

from lab.stats.bucket_quantile import bucket_quantile

INF = math.inf


@pytest.mark.parametrize(
    ("quantile", "value"),
    [
        (0.51, 0.1 + 0.1 * 10 / 320),
        (0.6, 0.1 + 0.1 * 100 / 320),
        (0.75, 0.1 + 0.1 * 250 / 320),
        (0.9, 0.2 + 0.3 * 80 / 180),
    ],
)
def test_it_is_interpolated_within_its_bucket(quantile: float, value: float) -> None:
    counts = {0.05: 100.0, 0.1: 500.0, 0.2: 820.0, 0.5: 1000.0, INF: 1000.0}
    found = bucket_quantile(counts, quantile, 10)
    assert found.value == pytest.approx(value)
    assert (found.low, found.high) == ((0.2, 0.5) if quantile == 0.9 else (0.1, 0.2))


def test_it_is_off_by_less_than_the_width_of_a_bucket() -> None:
    generator = random.Random(4)
    values = sorted(generator.lognormvariate(-3, 0.7) for _ in range(20_000))
    edges = [0.001 * 1.3**power for power in range(30)]
    counts = {edge: float(sum(value <= edge for value in values)) for edge in (*edges, INF)}
    for quantile in (0.1, 0.5, 0.9, 0.99):
        truth = values[int(quantile * len(values))]
        found = bucket_quantile(counts, quantile, 10)
        assert found.value == pytest.approx(truth, rel=0.3)
        assert found.low <= truth <= found.high


@pytest.mark.parametrize(
    ("counts", "quantile", "why"),
    [
        ({}, 0.5, "no buckets up to infinity"),
        ({1.0: 5.0}, 0.5, "no buckets up to infinity"),
        ({1.0: 0.0, INF: 0.0}, 0.5, "too few samples"),
        ({1.0: 900.0, INF: 1000.0}, 0.999, "too few samples"),
        ({1.0: 900.0, INF: 1000.0}, 0.95, "above the highest bucket, which ends at 1"),
        ({1.0: 900.0, INF: 1000.0}, 0.5, "in the lowest bucket, which ends at 1"),
    ],
)
def test_what_buckets_cannot_tell_is_refused(
    counts: dict[float, float], quantile: float, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        bucket_quantile(counts, quantile, 10)


@pytest.mark.parametrize(
    ("quantile", "count", "is_known"),
    [
        (0.9, 100.0, True),  # 100 * (1 - 0.9) is less than 10 in floating point
        (0.9, 99.0, False),
        (0.1, 100.0, True),
        (0.1, 99.0, False),
        (0.01, 400.0, False),  # four values lie below it
        (0.01, 1000.0, True),
        (0.5, 20.0, True),
        (0.5, 19.0, False),
    ],
)
def test_as_many_values_lie_below_a_quantile_as_above(
    quantile: float, count: float, is_known: bool
) -> None:
    counts = {1.0: 0.0, 2.0: count, INF: count}
    if is_known:
        assert bucket_quantile(counts, quantile, 10, 10).value == pytest.approx(1 + quantile)
    else:
        with pytest.raises(ValueError, match="too few samples"):
            bucket_quantile(counts, quantile, 10, 10)


def test_a_plan_that_knows_no_count_below_a_quantile_is_judged_as_it_was() -> None:
    assert bucket_quantile({1.0: 0.0, 2.0: 400.0, INF: 400.0}, 0.01, 10).value == pytest.approx(
        1.01
    )
    with pytest.raises(ValueError, match="too few samples"):
        bucket_quantile({1.0: 0.0, 2.0: 100.0, INF: 100.0}, 0.9, 10)
