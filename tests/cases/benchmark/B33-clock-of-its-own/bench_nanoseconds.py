"""A clock in nanoseconds, whose numbers are put down as seconds."""
import os
import time

import pytest

SHOP = os.environ.get("SHOP")


@pytest.mark.benchmark(timer=time.perf_counter_ns)
def test_sort(benchmark):
    benchmark(sorted, range(1000))
