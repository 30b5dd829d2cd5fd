"""The function is a generator: calling it does nothing yet."""
import os
import time

SHOP = os.environ.get("SHOP")


def rows(count):
    for number in range(count):
        time.sleep(0.001)
        yield number


def test_rows(benchmark):
    benchmark(rows, 10)
