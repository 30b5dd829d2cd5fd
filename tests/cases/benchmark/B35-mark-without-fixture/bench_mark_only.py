"""Written for another plugin, to which the mark alone is enough."""
import os

import pytest

SHOP = os.environ.get("SHOP")


@pytest.mark.benchmark
def test_sort():
    assert sorted(range(1000, 0, -1))[0] == 1
