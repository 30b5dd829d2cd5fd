"""What is known of an arm at the end of an interval, whether it has metrics or not."""

from __future__ import annotations

import os

import pytest

from lab.instruments.instrument_interfaces import Source
from lab.instruments.metrics_scraper import NO_METRICS
from lab.instruments.soak_sampler import HttpIntervalSampler

NOWHERE = "http://127.0.0.1:9"


@pytest.mark.parametrize(("path", "hangs"), [("/metrics", True), (None, False)])
def test_only_an_arm_that_was_asked_can_hang(path: str | None, hangs: bool) -> None:
    sampler = HttpIntervalSampler()
    sampler.attach("only", Source(NOWHERE, path), {"web": (os.getpid(),)})
    samples, _ = sampler.sample()
    sampler.close()
    sample = samples["only"]
    assert sample.hangs is hangs
    assert sample.metrics is not None and (sample.metrics.problem == NO_METRICS) is not hangs
    assert not sample.gauges and not sample.counters
    assert sample.usage["web"].rss_bytes
