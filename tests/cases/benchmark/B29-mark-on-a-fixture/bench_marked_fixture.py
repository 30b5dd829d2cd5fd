"""The mark stands on a fixture, where it never had an effect and where pytest no longer allows it."""
import os

import pytest

SHOP = os.environ.get("SHOP")


@pytest.mark.benchmark(group="async")
@pytest.fixture
def quick(benchmark):
    return benchmark


def test_sort(quick):
    quick(sorted, range(1000))
