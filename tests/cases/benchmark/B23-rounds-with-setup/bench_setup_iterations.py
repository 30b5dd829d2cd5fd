"""A set-up and several iterations a round: pytest-benchmark refuses that when the test runs."""
import os

SHOP = os.environ.get("SHOP")


def fresh():
    return (list(range(2000, 0, -1)),), {}


def test_sort(benchmark):
    benchmark.pedantic(list.sort, setup=fresh, rounds=50, iterations=4)
