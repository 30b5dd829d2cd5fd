"""Two benchmarks: how much they do is an option of the project, and one needs another option to run at all."""
import os

SHOP = os.environ.get("SHOP")


def test_sort(benchmark, rows):
    benchmark(sorted, range(rows))


def test_gated(benchmark, rows):
    benchmark(sorted, range(rows))
