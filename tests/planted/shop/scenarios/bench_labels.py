"""How long a label takes."""

from __future__ import annotations

from shop.labels import label


def test_label(benchmark):
    benchmark(label, "p0017")
