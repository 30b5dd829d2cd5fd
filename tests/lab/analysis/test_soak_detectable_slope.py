"""The smallest slope that a planned soak would detect."""

from __future__ import annotations

from lab.analysis.soak_noise import Noise
from tests.default_margins import detectable_slope


def test_the_detectable_slope_falls_with_time_and_rises_with_noise() -> None:
    def smallest(hours: float, scatter: float = 1e6, walk: float = 1e6) -> float:
        noise = Noise(scatter, walk, "")
        return detectable_slope(noise, hours * 3600, 5.0, 4, True, 0.01)

    assert smallest(0.17) > 10e6  # ten minutes cannot confirm 10 MB/h
    assert smallest(1) > smallest(8) > smallest(24) > 0
    assert smallest(1, scatter=2e6) > smallest(1)
    assert smallest(1, walk=2e6) > smallest(1)
