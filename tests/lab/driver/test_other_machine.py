"""A worker of another machine: another network and clock, and a slow way to the driver."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.driver_messages import Frame, OpenLoadSpec, RateStage
from lab.instruments.locust_driver_process import DriverError
from lab.processes.child_processes import Children
from lab.stats.latency_histogram import Histogram
from tests.lab.driver.fleets import Fleets, free_port, opened_of, remote_worker, shared
from tests.lab.driver.scenarios import PLAIN_USER, closed_of
from tests.servers import serving
from tests.two_machines import CLOCK_S, HERE, WAY_S, DelayedWay, other_machine, why_not

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None, reason=f"no second machine: {why_not()}"),
]

LOAD = OpenLoadSpec("constant", (RateStage(100.0, 100.0, 2.0),), 20)


def test_its_clock_is_known_and_no_latency_holds_the_way_to_the_driver(
    children: Children, tmp_path: Path
) -> None:
    fleets, port = Fleets(children, tmp_path), free_port()
    path = fleets.write(PLAIN_USER)
    with (
        other_machine() as prefix,
        serving("plain", tmp_path / "log", host=HERE) as server,
    ):
        driver = fleets.start(local=1, remote=1, port=port, host=HERE, allowed=(HERE,))
        way = DelayedWay((HERE, port))
        with remote_worker(fleets.project, way.port, host=HERE, prefix=prefix):
            driver.load(path, open_load=True, files=fleets.digests())
            url = f"http://{HERE}:{server.url.rpartition(':')[2]}"
            messages = shared(driver, url, LOAD, warmup_s=0.5, window_s=2.0)
            served = server.end()["served"]
        way.close()
    near, far = opened_of(messages).workers
    assert (near.clock_offset_s, near.clock_error_s) == (0, 0)
    assert WAY_S <= far.clock_error_s < 3 * WAY_S
    assert abs(far.clock_offset_s - CLOCK_S) <= far.clock_error_s
    assert far.begin_late_s < 0.2
    closed, latency = closed_of(messages), Histogram()
    assert not closed.early
    for message in messages:
        for group in getattr(message, "by_scheduled_time", ()):
            for requests in group.requests.values():
                latency.merge(requests.latency)
    assert latency.count == served == 250
    median = latency.quantile(0.5)
    assert median is not None and median < WAY_S
    for frame in messages:
        if isinstance(frame, Frame):
            # both counted the same stretch of time, wherever their clocks are
            first, second = (own.scheduled for own in frame.by_worker)
            assert abs(first - second) <= 1


def test_it_would_load_itself_at_an_address_of_the_loopback_and_is_refused(
    children: Children, tmp_path: Path
) -> None:
    fleets, port = Fleets(children, tmp_path), free_port()
    path = fleets.write(PLAIN_USER)
    with other_machine() as prefix:
        driver = fleets.start(local=0, remote=1, port=port, host=HERE)
        with remote_worker(fleets.project, port, host=HERE, prefix=prefix):
            driver.load(path, open_load=True, files=fleets.digests())
            with pytest.raises(DriverError, match=r"worker 1 \(.*is on another machine.*\[url\]"):
                shared(driver, "http://127.0.0.1:9", LOAD)
