"""Functions with a known truth, chosen by KIND and SLOWER; ordinary pytest-benchmark."""

import os
import random

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

SIZES = [64, 256, 1024, 4096, 16384]
OVERHEAD = 2_000  # steps that every call pays
LAUNCH = random.SystemRandom().uniform(0.9, 1.1)  # how slow this process is


def steps(count: int) -> int:
    total = 0
    for number in range(count):
        total += number & 7
    return total


def work(kind: str, n: int) -> int:
    match kind:
        case "constant":
            return steps(OVERHEAD)
        case "logarithm":
            return steps(OVERHEAD + 400 * n.bit_length())
        case "slight-logarithm":  # under so large an overhead that it grows by a third in all
            return steps(4 * OVERHEAD + 400 * n.bit_length())
        case "linear":
            return steps(OVERHEAD + n)
        case "quadratic":
            return steps(OVERHEAD + n * n // 2_000)
    raise ValueError(kind)


@pytest.mark.parametrize("n", SIZES)
def test_growth(benchmark: BenchmarkFixture, n: int) -> None:
    benchmark(work, os.environ.get("KIND", "linear"), n)


def test_twin(benchmark: BenchmarkFixture) -> None:
    """Ten per cent slower where SLOWER=true."""
    benchmark(steps, 2_200 if os.environ.get("SLOWER") == "true" else 2_000)


def test_steps(benchmark: BenchmarkFixture) -> None:
    """As many steps as STEPS says."""
    benchmark(steps, int(os.environ.get("STEPS", "2000")))


def test_launched(benchmark: BenchmarkFixture) -> None:
    """As slow as this process happens to be."""
    benchmark(steps, round(2_000 * LAUNCH))
