"""Counts that are NumPy integers, a float and a truth."""
import os

import numpy as np

os.environ.get("HUNT")


def test_sum(benchmark):
    values = np.arange(1000)
    benchmark(values.sum)
    benchmark.extra_info["rows"] = np.int64(len(values))
    benchmark.extra_info["total"] = values.sum()
    benchmark.extra_info["exact"] = 5.0
    benchmark.extra_info["big"] = True
    benchmark.extra_info["plain"] = 7
