"""Measures until it thinks that it is precise enough, which here is at once."""
import os

import pytest

SHOP = os.environ.get("SHOP")


@pytest.mark.benchmark(precision=0.5, confidence=0.8, min_rounds=2, disable_gc=True)
def test_sort(benchmark):
    benchmark(sorted, range(1000))
