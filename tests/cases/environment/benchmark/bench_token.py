"""A benchmark that needs a token."""

import os

TOKEN = os.environ["API_TOKEN"]


def test_fold(benchmark):
    benchmark(TOKEN.upper)
    benchmark.extra_info["token"] = TOKEN
