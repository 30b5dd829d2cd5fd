"""The test has a limit of its own and fails by it; where benchmarks are switched off it looks at nothing."""
import os
import time

SHOP = os.environ.get("SHOP")


def test_quick(benchmark):
    benchmark(time.sleep, 0.03)
    if benchmark.enabled:
        assert benchmark.stats.stats.mean < 0.02, "slower than 20 ms"
        assert benchmark.stats["rounds"] >= 5
