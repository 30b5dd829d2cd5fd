"""A class with what it needs around it; one of its benchmarks is skipped on this machine."""
import os
import sys

import pytest

SHOP = os.environ.get("SHOP")


@pytest.fixture
def quiet(monkeypatch):
    monkeypatch.setenv("QUIET", "1")


@pytest.mark.usefixtures("quiet")
class TestShelf:
    @classmethod
    def setup_class(cls):
        cls.shelf = list(range(5000))

    def setup_method(self):
        self.own = self.shelf[::-1]

    @pytest.mark.benchmark(group="shelf")
    def test_sort(self, benchmark):
        assert os.environ["QUIET"] == "1"
        benchmark(sorted, self.own)

    @pytest.mark.skipif(sys.platform == "linux", reason="needs the other system")
    def test_elsewhere(self, benchmark):
        benchmark(sorted, self.own)
