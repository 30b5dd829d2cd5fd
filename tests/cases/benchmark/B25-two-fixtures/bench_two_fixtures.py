"""One test measures two things, to hold one against the other; they have names of their own."""
import os

import pytest
from pytest_benchmark import plugin

SHOP = os.environ.get("SHOP")


def another(request):
    made = plugin.benchmark
    function = getattr(made, "__wrapped__", None) or made.__pytest_wrapped__.obj
    return function(request)


@pytest.fixture
def first(request):
    yield from _each(another(request))


@pytest.fixture
def second(request):
    yield from _each(another(request))


def _each(fixture):
    if hasattr(fixture, "__next__"):
        yield from fixture
    else:
        yield fixture


def test_against(first, second):
    first.name = "plain"
    first(sorted, range(1000))
    second.name = "reversed"
    second(sorted, range(1000), reverse=True)
    assert second.stats.stats.median < 50 * first.stats.stats.median
