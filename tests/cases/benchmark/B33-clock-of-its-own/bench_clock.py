"""Another clock: processor time, for a function that waits for half of its time."""
import os
import time

import pytest

SHOP = os.environ.get("SHOP")


def fetch():
    time.sleep(0.001)
    return sum(range(60_000))


@pytest.mark.benchmark(timer=time.process_time)
def test_fetch(benchmark):
    benchmark(fetch)
