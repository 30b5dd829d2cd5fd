"""Two parameters, one above the other."""
import os

import pytest

SHOP = os.environ.get("SHOP")


@pytest.mark.parametrize("how", ["sorted", "reversed"])
@pytest.mark.parametrize("size", [10, 100, 1000, 10000])
def test_sort(benchmark, size, how):
    numbers = list(range(size))
    benchmark(sorted, numbers, reverse=how == "reversed")
