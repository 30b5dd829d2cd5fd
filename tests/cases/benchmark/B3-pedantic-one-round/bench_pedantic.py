"""`pedantic` runs once by default."""
import os
import time

os.environ.get("HUNT")


def test_insert(benchmark):
    benchmark.pedantic(time.sleep, args=(0.002,))
