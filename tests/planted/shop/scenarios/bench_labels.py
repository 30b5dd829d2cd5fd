"""How long a label takes."""

from __future__ import annotations

from pytest_benchmark.fixture import BenchmarkFixture
from shop.labels import label


def test_label(benchmark: BenchmarkFixture) -> None:
    benchmark(label, "p0017")
