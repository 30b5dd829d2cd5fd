"""Metrics scraper, process sampler and trial observer, with real processes and sockets."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from lab.driver_messages import Frame
from lab.experiment.load_trial_builder import LoadRecordBuilder
from lab.hypothesis import ClosedLoad
from lab.instruments import process_sampler
from lab.instruments.background_load import background_over
from lab.instruments.instrument_interfaces import Source
from lab.instruments.metrics_scraper import MetricsScraper, Scrape, gauge_readings, summarize
from lab.instruments.process_sampler import ProcessSampler, usage_over
from lab.instruments.service_http_client import HttpClient, HttpError
from lab.instruments.trial_observer import LiveTrialObserver
from lab.trials.trial import GaugeReading
from tests.pages import Page, served


class _Service(Page):
    served = 0

    def do_GET(self) -> None:
        type(self).served += 10
        body = f"# TYPE served_total counter\nserved_total {self.served}\n".encode()
        if self.path == "/broken":
            self.send_error(500)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def service() -> Iterator[str]:
    with served(_Service) as url:
        yield url


def test_counters_grow_and_a_reset_one_is_left_out() -> None:
    first = Scrape(0, 0, {"a": 5.0, "b": 9.0})
    last = Scrape(1, 0, {"a": 7.0, "b": 1.0, "new": 3.0})
    assert last.since(first) == {"a": 2.0, "new": 3.0}
    assert list(last.fallen(first)) == ["b"]
    assert "it fell from 9 to 1" in last.fallen(first)["b"]


def test_a_counter_that_vanishes_has_no_value_even_if_it_comes_back() -> None:
    scrapes = [Scrape(0, 0, {"a": 40.0, "b": 0.0}), Scrape(1, 0, {}), Scrape(2, 0, {"a": 45.0})]
    reading = summarize(scrapes, "")
    assert list(reading.unread) == ["a"]
    assert reading.unread["a"].startswith("it vanished between two scrapes")


def test_a_sum_that_is_rounded_otherwise_has_not_fallen() -> None:
    first, last = Scrape(0, 0, {"a": 0.3 + 1e-16}), Scrape(1, 0, {"a": 0.3})
    assert (last.since(first), last.fallen(first)) == ({"a": 0.0}, {})


def test_scraping_a_service(service: str) -> None:
    scraper = MetricsScraper(service, "/metrics")
    assert scraper.scrape().counters.keys() == {"served_total"}
    scraper.close()
    with pytest.raises(HttpError, match="status 500"):
        MetricsScraper(service, "/broken").scrape()


def test_gauges_of_a_selector_are_added_up_and_summed_over_time() -> None:
    scrapes = [
        Scrape(at, 0, {}, {'depth{queue="a"}': at, 'depth{queue="b"}': 2.0}) for at in (1.0, 5.0)
    ]
    found = gauge_readings([*scrapes, Scrape(9, 0, {}, {})], ("depth", "none"))
    assert found == {"depth": GaugeReading(mean=5.0, max=7.0, last=7.0, reads=2)}


def test_a_service_that_does_not_listen_is_an_error() -> None:
    with pytest.raises(HttpError, match="GET /ready"):
        HttpClient("http://127.0.0.1:9").get("/ready")


def test_what_the_sampler_has_no_access_to_is_unknown_and_not_zero(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A lab that is not root may not count the descriptors of a container's processes."""

    def denied(process: psutil.Process) -> int:
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil.Process, "num_fds", denied)
    sampler = ProcessSampler({"service": (os.getpid(),)})
    sampler.sample()
    sampler.sample()
    usage = usage_over(sampler.samples)["service"]
    assert usage.descriptors is None
    assert usage.rss_bytes and usage.rss_bytes > 1e6
    assert usage.threads and usage.threads >= 1


def test_lateness_at_p99_is_rank_99_of_100_as_the_gate_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Clock:
        """Time passes in `sleep` alone, and the tick at half a second is 8 ms late."""

        now, ticks = 100.0, 0

        def monotonic(self) -> float:
            return self.now

        def sleep(self, seconds: float) -> None:
            self.ticks += 1
            self.now += seconds + (0.008 if self.ticks == 50 else 0.0)

    monkeypatch.setattr(process_sampler, "time", Clock())
    assert process_sampler.timer_lateness(1.0) == pytest.approx(0.0, abs=1e-9)

    record = LoadRecordBuilder(ClosedLoad(1), 0.0)
    lateness = tuple(0.008 if tick == 50 else 0.0 for tick in range(100))
    record.add(Frame(t=1.0, in_window=True, users=1, ticker_lateness=lateness))
    assert record.evidence().ticker_late_p99_s == 0.0


@pytest.mark.real
def test_the_sampler_sees_cpu_by_role_children_that_ended_included() -> None:
    burn = "import time; end = time.process_time() + .3\nwhile time.process_time() < end: pass"
    parent = (
        "import subprocess, sys, time; sys.stdin.readline(); "
        f"subprocess.run([sys.executable, '-c', {burn!r}]); print('done', flush=True); "
        "sys.stdin.readline()"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    idle = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    assert worker.stdin is not None and worker.stdout is not None
    time.sleep(0.2)
    sampler = ProcessSampler({"service": (worker.pid,), "idle": (idle.pid,)})
    first = sampler.sample()
    worker.stdin.write(b"\n")
    worker.stdin.flush()
    worker.stdout.readline()
    last = sampler.sample()
    idle.kill()
    worker.communicate(b"\n")
    idle.wait()
    used = last.cpu_s["service"] - first.cpu_s["service"]
    assert 0.25 < used < 1.0
    assert last.cpu_s["idle"] - first.cpu_s["idle"] < 0.05
    usage = usage_over([first, last])
    assert (usage["service"].rss_bytes or 0) > 1e6
    assert (usage["service"].descriptors or 0) >= 3
    # the roles are no background
    assert sum(last.own_s.values()) - sum(first.own_s.values()) >= used - 0.02


@pytest.mark.real
def test_other_cpu_is_what_is_busy_and_not_of_the_run() -> None:
    sampler = ProcessSampler({})
    sampler.sample()
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass
    sampler.sample()
    a, b = sampler.samples
    assert sum(b.own_s.values()) - sum(a.own_s.values()) >= 0.28
    seen = background_over(sampler.samples)
    assert 0 <= seen.other_cpu <= (os.cpu_count() or 1)
    assert 0 <= seen.steal <= 1


def test_an_observer_covers_the_window_and_scales_counters_to_it(service: str) -> None:
    opens = time.monotonic() + 0.2
    source = Source(service, "/metrics")
    seen = LiveTrialObserver(source, {"service": (os.getpid(),)}, dict, opens, opens + 1.5)
    seen.finish(whole=True)
    assert time.monotonic() >= opens + 1.5
    assert (seen.usage["service"].threads or 0) >= 1
    # three scrapes: at the begin, a second later, at the end; each counts 10
    assert 10 <= seen.counters["served_total"] <= 30
    assert 0 < seen.counters_uncertainty_s < 1


class _Late(_Service):
    """Answers a second late when the window ends."""

    served = 0

    def do_GET(self) -> None:
        if self.served >= 10:
            time.sleep(1)
        super().do_GET()


class _ClosedAtFirst(_Service):
    served = 0

    def do_GET(self) -> None:
        if not self.served:
            type(self).served = 1
            self.send_error(503)
            return
        super().do_GET()


def test_a_page_that_comes_late_leaves_the_time_uncertain_for_which_counters_grew() -> None:
    opens = time.monotonic() + 0.2
    with served(_Late) as url:
        seen = LiveTrialObserver(Source(url, "/metrics"), {}, dict, opens, opens + 0.8)
        seen.finish(whole=True)
    assert seen.counters.keys() == {"served_total"}
    assert 1 <= seen.counters_uncertainty_s < 1.8


def test_counters_that_were_not_read_at_the_begin_of_the_window_have_no_growth() -> None:
    opens = time.monotonic() + 0.2
    with served(_ClosedAtFirst) as url:
        seen = LiveTrialObserver(Source(url, "/metrics"), {}, dict, opens, opens + 2)
        seen.finish(whole=True)
    assert seen.metrics.scrapes >= 2 and "503" in seen.metrics.problem
    assert seen.counters == {}


def test_a_service_without_metrics_is_observed_all_the_same() -> None:
    opens = time.monotonic() + 0.1
    source = Source("http://127.0.0.1:9", None)
    seen = LiveTrialObserver(source, {"web": (os.getpid(),)}, dict, opens, opens + 0.2)
    seen.finish(whole=True)
    assert seen.counters == {} and seen.usage["web"].cpu >= 0
    assert seen.metrics.problem == "lab.toml names no `metrics` of the process that is loaded"


def test_an_observer_of_a_trial_cut_short_does_not_wait(service: str) -> None:
    began = time.monotonic()
    seen = LiveTrialObserver(Source(service, "/metrics"), {}, dict, began + 0.1, began + 30)
    time.sleep(0.3)
    seen.finish(whole=False)
    assert time.monotonic() - began < 5
