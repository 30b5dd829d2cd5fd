"""The fingerprint of an order's payload, by its number of lines.

`pytest scenarios/bench_fingerprint.py`; PART=digest measures SHA-256 alone, of what is ready-made.
"""

import hashlib
import json
import os

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from service.idempotency.fingerprint import fingerprint


@pytest.mark.parametrize("lines", [1, 4, 16, 64, 256, 1024])
def test_fingerprint(benchmark: BenchmarkFixture, lines: int) -> None:
    payload = {
        "customer_id": 4711,
        "lines": [{"sku": f"SKU-{n}", "quantity": n % 9 + 1} for n in range(lines)],
    }
    canonical = json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()
    if os.environ.get("PART", "whole") == "digest":
        digest = benchmark(lambda: hashlib.sha256(canonical).digest())
    else:
        digest = benchmark(fingerprint, payload)
    assert digest == fingerprint(payload)
