"""An ordinary benchmark; its options are set by the conftest.py beside it."""
import os

SHOP = os.environ.get("SHOP")


def test_sort(benchmark):
    benchmark(sorted, range(1000))
