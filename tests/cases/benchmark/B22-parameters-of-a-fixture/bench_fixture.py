"""The sizes are those of a fixture that makes its data once for the module."""
import os

import pytest

SHOP = os.environ.get("SHOP")


@pytest.fixture(scope="module", params=[10, 100, 1000, 10000])
def shelf(request):
    shelf = {number: str(number) for number in range(request.param)}
    yield shelf
    shelf.clear()


def test_walk(benchmark, shelf):
    benchmark(lambda: sum(map(len, shelf.values())))
