"""Fresh arguments for every round: rounds are given, and the window plays no part."""
import os
import random

SHOP = os.environ.get("SHOP")


def fresh():
    return ([random.random() for _ in range(2000)],), {"reverse": True}


def in_place(numbers, reverse):
    numbers.sort(reverse=reverse)


def test_sort(benchmark):
    benchmark.pedantic(in_place, setup=fresh, rounds=400, warmup_rounds=5)
