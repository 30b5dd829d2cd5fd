"""A TestCase of unittest, which takes the fixture by a detour."""
import os
import unittest

import pytest

SHOP = os.environ.get("SHOP")


class Shelf(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _measured(self, benchmark):
        self.benchmark = benchmark

    def setUp(self):
        self.shelf = list(range(5000))

    def test_sort(self):
        self.benchmark(sorted, self.shelf)
