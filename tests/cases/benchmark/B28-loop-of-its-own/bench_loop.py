"""A fixture makes coroutines measurable: it runs each to its end on a loop of its own."""
import asyncio
import os

import pytest

SHOP = os.environ.get("SHOP")


@pytest.fixture
def aio_benchmark(benchmark):
    loop = asyncio.new_event_loop()

    def measure(function, *args):
        if asyncio.iscoroutinefunction(function):
            return benchmark(lambda: loop.run_until_complete(function(*args)))
        return benchmark(function, *args)

    yield measure
    loop.close()


async def fetch(seconds):
    await asyncio.sleep(seconds)
    return "done"


def test_fetch(aio_benchmark):
    assert aio_benchmark(fetch, 0.002) == "done"
