"""What is known of an arm at the end of an interval, whether it has metrics or not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
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


@pytest.fixture
def manager() -> Iterator[subprocess.Popen[bytes]]:
    """A process that starts another one, again and again, as gunicorn does with its workers."""
    worker = [sys.executable, "-c", "import time; time.sleep(60)"]
    code = f"import subprocess\nwhile True: subprocess.run({worker!r})"
    started = subprocess.Popen([sys.executable, "-c", code])
    yield started
    below = psutil.Process(started.pid).children(recursive=True)
    started.kill()
    for process in below:
        process.kill()
    started.wait()


def worker_of(manager: subprocess.Popen[bytes], other_than: int = 0) -> int:
    """The id of the process that it has started."""
    while True:
        for child in psutil.Process(manager.pid).children():
            if child.pid != other_than:
                return int(child.pid)
        time.sleep(0.01)


@pytest.mark.parametrize(("samples", "counts"), [(12, True), (3, False)])
def test_a_process_that_had_lasted_and_ended_is_named_once(
    samples: int, counts: bool, manager: subprocess.Popen[bytes]
) -> None:
    sampler = HttpIntervalSampler()
    worker = worker_of(manager)
    sampler.attach("only", Source(NOWHERE, None), {"web": (manager.pid,)})
    for _ in range(samples):
        assert not sampler.sample()[0]["only"].ended
    psutil.Process(worker).kill()
    worker_of(manager, other_than=worker)
    ended = sampler.sample()[0]["only"].ended
    assert ended == ({"web": [worker]} if counts else {})
    assert not sampler.sample()[0]["only"].ended
    sampler.close()
