"""The fixture as a decorator, its group set late, a doctest in the module: `>>> 1 + 1` is 2.

>>> 1 + 1
2
"""
import os

SHOP = os.environ.get("SHOP")


def test_sort(benchmark):
    benchmark.group = "sorting"

    @benchmark
    def result():
        return sorted(range(1000))

    benchmark.extra_info["rows"] = len(result)
    assert result[-1] == 999
