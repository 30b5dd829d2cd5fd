"""What is observed of the slices of an arm, on real processes and a real page of metrics."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from unittest.mock import Mock

import pytest

from lab.instruments.instrument_interfaces import Source
from lab.instruments.metrics_scraper import NO_METRICS, MetricsScraper, Scrape
from lab.instruments.service_http_client import HttpError
from lab.instruments.slice_observer import LiveSliceObserver
from tests.pages import Page, served

BUSY = """
import sys, time
for line in sys.stdin:
    until = time.process_time() + float(line)
    while time.process_time() < until:
        pass
    print("done", flush=True)
"""


class Metrics(Page):
    """A counter that grows by one with every look, a histogram of it, and a gauge."""

    looks = 0

    def do_GET(self) -> None:
        type(self).looks += 1
        body = (
            "# TYPE looks_total counter\n"
            f"looks_total {type(self).looks}\n"
            "# TYPE waiting gauge\n"
            "waiting 3\n"
            "# TYPE took_seconds histogram\n"
            f'took_seconds_bucket{{le="0.1"}} {type(self).looks}\n'
            f'took_seconds_bucket{{le="+Inf"}} {type(self).looks * 2}\n'
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def url() -> Iterator[str]:
    with served(Metrics) as address:
        yield address


@pytest.fixture
def service() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def work(service: subprocess.Popen[str], seconds: float) -> None:
    """Let the service use so much processor time, and wait for its end."""
    assert service.stdin is not None and service.stdout is not None
    service.stdin.write(f"{seconds}\n")
    service.stdin.flush()
    service.stdout.readline()


def test_counters_and_processor_time_are_those_of_the_slices_alone(
    url: str, service: subprocess.Popen[str]
) -> None:
    observer = LiveSliceObserver(Source(url, "/metrics"), {"service": (service.pid,)})
    for seconds in (0.03, 0.06):
        work(service, 0.05)  # between slices: counts nowhere
        observer.begin()
        work(service, seconds)
        reading = observer.end(0.1)
        assert reading.cpu_s["service"] == pytest.approx(seconds, abs=0.01)
        assert reading.counters["looks_total"] == 1.0
    usage = observer.usage["service"]
    assert usage.cpu == pytest.approx(0.45, abs=0.1)
    assert usage.cpu_peak == pytest.approx(usage.cpu)  # of a second, or of all there is
    assert usage.rss_bytes is not None and usage.rss_bytes > 1e6
    assert observer.row()["usage"]["service"]["cpu"] == pytest.approx(0.6, abs=0.1)
    assert observer.row()["metrics"] == {"waiting": 3.0}
    assert observer.metrics.scrapes == 4
    assert observer.background.steal >= 0
    observer.close()


def test_what_a_process_that_is_new_has_used_is_of_its_slice(
    url: str, service: subprocess.Popen[str]
) -> None:
    """One that is started and ends within a second, before all processes are looked at again."""
    observer = LiveSliceObserver(Source(url, "/metrics"), {"service": (os.getpid(),)})
    observer.begin()
    before = observer.work_s(["service"])
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as started:
        work(started, 0.2)
        assert observer.work_s(["service"]) - before > 0.2
        assert observer.end(0.3).cpu_s["service"] > 0.2
        assert started.stdin is not None
        started.stdin.close()
    observer.close()


def test_a_slice_whose_end_was_not_read_leaves_growth_unread(
    url: str, service: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    observer = LiveSliceObserver(Source(url, "/metrics"), {"service": (service.pid,)})
    observer.begin()
    assert observer.end(0.1).counters
    assert observer.metrics.unread_s == 0.0

    observer.begin()
    monkeypatch.setattr(MetricsScraper, "scrape", Mock(side_effect=HttpError("timed out")))
    observer.end(0.25)
    assert observer.metrics.unread_s == 0.25
    observer.begin()
    observer.end(0.25)
    assert observer.metrics.unread_s == 0.5
    monkeypatch.undo()
    observer.begin()
    assert observer.end(0.25).counters["looks_total"] > 1.0  # with the growth of all three
    assert observer.metrics.unread_s == 0.0
    observer.close()


def test_slices_before_the_first_page_leave_growth_unread(
    url: str, service: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    observer = LiveSliceObserver(Source(url, "/metrics"), {"service": (service.pid,)})
    with monkeypatch.context() as patch:
        patch.setattr(MetricsScraper, "scrape", Mock(side_effect=HttpError("timed out")))
        observer.begin()
        observer.end(0.25)
    observer.begin()
    assert observer.end(0.25).counters
    assert observer.metrics.unread_s == 0.25  # that growth does not come later
    observer.close()


def test_the_wait_ends_when_the_arm_is_idle(url: str, service: subprocess.Popen[str]) -> None:
    observer = LiveSliceObserver(Source(url, "/metrics"), {"service": (service.pid,)})
    observer.begin()
    observer.end(0.1)
    assert observer.wait_until_idle(2.0) < 1.0
    assert service.stdin is not None
    service.stdin.write("0.5\n")
    service.stdin.flush()
    time.sleep(0.05)
    assert observer.wait_until_idle(0.1) >= 0.1  # not for longer than allowed
    assert observer.wait_until_idle(30.0) > 0.2
    observer.close()


def test_what_grew_in_a_slice_that_could_not_be_read_counts_in_the_next(
    url: str, service: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page fails at the end of the second slice, and before the fourth."""
    observer = LiveSliceObserver(Source(url, "/metrics"), {"service": (service.pid,)})
    scrape, failing = MetricsScraper.scrape, [4, 7]

    def scraped(scraper: MetricsScraper) -> Scrape:
        found = scrape(scraper)
        monkeypatch.setattr(Metrics, "looks", Metrics.looks + 9)  # the work of a slice, or none
        calls.append(0)
        if len(calls) in failing:
            raise HttpError("busy")
        return found

    calls: list[int] = []
    monkeypatch.setattr(MetricsScraper, "scrape", scraped)
    grown = []
    for _ in range(4):
        observer.begin()
        grown.append(observer.end(0.1).counters.get("looks_total"))
    assert grown == [10.0, None, 30.0, 20.0]
    assert observer.metrics.problem == "busy"
    observer.close()


def test_the_processes_of_the_driver_are_those_at_the_first_slice(url: str) -> None:
    with subprocess.Popen(["sleep", "60"]) as first:
        observer = LiveSliceObserver(Source(url, "/metrics"), {"driver": (os.getpid(),)})
        with subprocess.Popen([sys.executable, "-c", BUSY], stdin=-1, stdout=-1, text=True) as lane:
            observer.begin()
            work(lane, 0.1)
            assert observer.end(0.1).cpu_s["driver"] > 0.09
            assert lane.stdin is not None
            lane.stdin.close()
        first.kill()
        observer.close()


def test_a_service_that_does_not_answer_leaves_no_counters(
    service: subprocess.Popen[str],
) -> None:
    observer = LiveSliceObserver(
        Source("http://127.0.0.1:9", "/metrics"), {"service": (service.pid,)}
    )
    observer.begin()
    assert observer.end(0.1).counters == {}
    assert observer.metrics.scrapes == 0
    assert observer.metrics.problem
    observer.close()


def test_a_service_without_metrics_is_not_asked_for_any(service: subprocess.Popen[str]) -> None:
    observer = LiveSliceObserver(Source("http://127.0.0.1:9", None), {"web": (service.pid,)})
    observer.begin()
    work(service, 0.03)
    reading = observer.end(0.1)
    assert reading.counters == {}
    assert 0.02 < reading.cpu_s["web"] < 0.1
    assert observer.metrics.problem == NO_METRICS
    assert "metrics" not in observer.row()
    observer.close()


def test_buckets_are_kept_if_a_measure_needs_them(url: str, service: subprocess.Popen[str]) -> None:
    source = Source(url, "/metrics", buckets=frozenset({"took_seconds_bucket"}))
    observer = LiveSliceObserver(source, {"service": (service.pid,)})
    for _ in range(2):
        observer.begin()
        reading = observer.end(0.1)
        assert reading.counters == {
            "looks_total": 1.0,
            'took_seconds_bucket{le="0.1"}': 1.0,
            'took_seconds_bucket{le="+Inf"}': 2.0,
        }
    observer.close()
