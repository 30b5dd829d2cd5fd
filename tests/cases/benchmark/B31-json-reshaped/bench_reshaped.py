"""An ordinary benchmark; what is odd stands in the conftest.py beside it."""
import os

SHOP = os.environ.get("SHOP")


def test_sort(benchmark):
    benchmark(sorted, range(1000))
    benchmark.extra_info["rows"] = 1000
