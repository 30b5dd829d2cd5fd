"""Metrics pages as public services have them: what is read of each, and what is said."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from lab.instruments.metrics_scraper import MetricsScraper, Scrape, summarize
from lab.instruments.service_http_client import HttpClient, HttpError
from lab.prometheus.selector import Selector, select
from lab.prometheus.text_format import find_role, unread_reasons
from tests.cases.metrics_pages import Pages, serving

CASES = Path(__file__).parent / "metrics"


class Expected(NamedTuple):
    """What is right: growth of counters over a second, gauges, and words about the rest."""

    grows: tuple[str, ...] = ()  # selectors, each by 100 a series
    gauges: tuple[tuple[str, float], ...] = ()
    unread: tuple[tuple[str, str], ...] = ()  # selector, and words of the reason
    notes: str = ""
    refused: str = ""  # words of the error
    series: int | None = None  # that grow, if not one for each selector


TABLE = {
    "M1-counter-without-total": Expected(
        ("my_thing_created", 'nginx_ingress_controller_requests{status="200"}')
    ),
    "M2-openmetrics-text": Expected(('http_requests_total{code="200"}',)),
    "M3-utf8-label": Expected(('http_requests_total{"http.status"="200"}',)),
    "M5-metrics-redirect": Expected(("http_requests_total",)),
    "M21-units-and-exemplars": Expected(
        ("shop_orders_total", "shop_busy_seconds_total", "shop_wait_seconds_count"), series=4
    ),
    "M22-unit-refused": Expected(("shop_awake_seconds_total", "shop_orders_total")),
    "M23-native-histogram": Expected(("shop_wait_seconds_count", "shop_wait_seconds_sum")),
    "M24-info-and-states": Expected(
        ("shop_orders_total",),
        (('shop_till{shop_till="open"}', 1), ("shop_build_info", 1), ("shop_queue_gcount", 5)),
    ),
    "M25-odd-numbers": Expected(
        ("shop_orders_total", "shop_wait_seconds_count", "shop_wait_seconds_sum"),
        unread=(
            ("shop_queue", "NaN"),
            ("shop_lost_total", "NaN"),
            ("shop_limit", "+Inf"),
            ("shop_floor", "-Inf"),
        ),
    ),
    "M26-timestamps": Expected(
        ('shop_orders_total{from="now"}',),
        (('shop_queue{from="now"}', 4),),
        (("shop_orders_total", "600 s ago"), ("shop_queue", "line 6")),
    ),
    "M27-labels-with-signs": Expected(
        (
            'shop_hits_total{path="/a/{id}",query="x=1,y=2"}',
            r'shop_hits_total{path="C:\\temp\\"}',
            'shop_hits_total{query="# not a comment"}',
            'shop_hits_total{path="größe/日本"}',
            r'shop_hits_total{path="a\\nb"}',
        )
    ),
    "M28-quoted-names": Expected(
        ('{"http.server.requests","http.route"="/item"}', "shop_orders_total"),
        (('{"shop.queue/depth"}', 4),),
    ),
    "M29-no-types": Expected(
        ("pods_removed_total", "pods_removed", "requests_count", "jobs_done"),
        (("queue_depth", 3),),
    ),
    "M30-layout": Expected(
        ("shop_spaced_total", "shop_empty_total", 'shop_comma_total{kind=""}', "shop_tab_total"),
        (('shop_labels{a=""}', 2), ('shop_labels{a="1",b="2"}', 1)),
        series=5,
    ),
    "M31-types-told-twice": Expected(
        (
            'shop_reads_total{bucket="red"}',
            'shop_reads_total{bucket="blue"}',
            "shop_writes",
            "shop_late_total",
        ),
        notes="line 12 gives shop_writes another type",
    ),
    "M32-series-told-twice": Expected(
        ("shop_orders_total",),
        (("shop_queue", 3),),
        notes='line 3 has shop_orders_total{kind="web"} again',
    ),
    "M33-a-page-of-each-worker": Expected(
        unread=(("shop_requests_total", "several processes answer in turn"),)
    ),
    "M34-counters-that-start-again": Expected(
        ("shop_steady_total",), unread=(("shop_requests_total", "it started again"),)
    ),
    "M35-sixty-thousand-series": Expected(refused="60,001 series"),
    "M36-always-compressed": Expected(("shop_orders_total",)),
    "M37-compressed-and-not-said": Expected(("shop_orders_total",)),
    "M38-wrong-kind-of-content": Expected(("shop_orders_total",)),
    "M39-a-web-page": Expected(
        refused="(Content-Type text/html) is no page of metrics: line 1 is not in the text format"
    ),
    "M40-asks-who-you-are": Expected(refused="GET /metrics: status 401"),
    "M41-lines-of-windows": Expected(("shop_orders_total",), (("shop_queue", 3),)),
    "M42-no-last-line-feed": Expected(("shop_orders_total",)),
    "M43-in-slow-pieces": Expected(("shop_orders_total",), (('shop_queue{kind="größe"}', 3),)),
    "M44-composite-values": Expected(
        ("shop_orders_total",), unread=(("shop_pack_seconds_count", ""),), notes="line 5 is not in"
    ),
    "M45-types-unheard-of": Expected(
        ("shop_orders_total", "jobs_kept", "jobs_lost"), notes="line 3 gives jobs_kept the type"
    ),
    "M46-no-content-type": Expected(("shop_orders_total",)),
}


def scrapes(pages: Pages, times: tuple[float, ...]) -> list[Scrape]:
    found = []
    with serving(pages) as url:
        scraper = MetricsScraper(url, "/metrics", timeout_s=5)
        for pages.elapsed_s in times:
            found.append(scraper.scrape())
        scraper.close()
    return found


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.iterdir()))
def test_a_page_is_read_right_or_what_is_wrong_is_said(name: str) -> None:
    case, pages = TABLE[name], Pages(CASES / name)
    if case.refused:
        with pytest.raises(HttpError) as refusal:
            scrapes(pages, (10.0,))
        assert case.refused in str(refusal.value)
        return
    found = scrapes(pages, (10.0, 10.3, 11.0))  # `@R` falls in between, and is the same after it
    growth, gauges = found[-1].since(found[0]), found[-1].gauges
    reading = summarize(found, "")
    for selector in case.grows:
        if not any(selector.startswith(metric) for metric, _ in case.unread):
            assert not unread_reasons(reading.unread, Selector.parse(selector))
        assert select(growth, selector) == [100.0], selector
    if case.series is not None:
        assert sum(value == 100.0 for value in growth.values()) == case.series
    for selector, value in case.gauges:
        assert select(gauges, selector) == [value], selector
    for selector, words in case.unread:
        reasons = unread_reasons(reading.unread, Selector.parse(selector))
        assert not words or words in " ".join(reasons), selector
        assert words or not select(growth, selector)
    assert case.notes in " ".join(reading.notes) if case.notes else not reading.notes


def test_gauges_of_openmetrics_are_no_counters() -> None:
    (scrape,) = scrapes(Pages(CASES / "M24-info-and-states"), (10.0,))
    assert list(scrape.counters) == ["shop_orders_total"]
    for metric in ("shop_build_info", "shop_till", "shop_queue_gcount"):
        assert find_role(metric, scrape.page.types) == "gauge"
    (scrape,) = scrapes(Pages(CASES / "M21-units-and-exemplars"), (10.0,))
    assert not any("created" in series for series in (*scrape.counters, *scrape.gauges))


def test_a_page_is_asked_for_as_prometheus_does_and_redirects_are_followed() -> None:
    pages = Pages(CASES / "M5-metrics-redirect")
    scrapes(pages, (10.0,))
    assert [path for path, _ in pages.asked] == ["/metrics", "/metrics/"]
    for _, accept in pages.asked:
        assert accept.startswith("application/openmetrics-text;version=1.0.0")
        assert "text/plain;version=0.0.4" in accept and accept.endswith("*/*;q=0.2")


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("http://127.0.0.1:9/metrics", "redirects to http://127.0.0.1:9/metrics, which is not"),
        ("https://example.org/login?next=/metrics", "https://example.org/login, which is not"),
        ("/metrics", "more than 5 redirects"),
        ("//example.org/metrics", "which is not the service"),
    ],
)
def test_a_redirect_elsewhere_is_not_followed(location: str, words: str) -> None:
    pages = Pages(CASES / "M5-metrics-redirect")
    pages.settings["headers"] = {"Location": location}
    with pytest.raises(HttpError, match=words.replace("?", r"\?")):
        scrapes(pages, (10.0,))


def test_another_name_of_this_machine_is_the_same_service() -> None:
    pages = Pages(CASES / "M5-metrics-redirect")
    with serving(pages) as url:
        port = url.rpartition(":")[2]
        pages.settings["headers"] = {"Location": f"http://localhost:{port}/metrics/"}
        assert MetricsScraper(url, "/metrics").scrape().counters


def test_an_answer_that_trickles_does_not_hold_up_whoever_asks() -> None:
    pages = Pages(CASES / "M42-no-last-line-feed")
    pages.settings["chunk"] = 1
    with serving(pages) as url:
        scraper = MetricsScraper(url, "/metrics", timeout_s=0.0)
        with pytest.raises(HttpError, match="no whole answer within 0 s"):
            scraper.scrape()


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate"])
def test_other_compression_is_named(encoding: str) -> None:
    pages = Pages(CASES / "M36-always-compressed")
    pages.settings["headers"] = {"Content-Encoding": encoding}
    with pytest.raises(HttpError, match=f"compressed by {encoding}"):
        scrapes(pages, (10.0,))


def test_a_connection_is_kept_from_scrape_to_scrape_and_an_answer_cut_off_is_an_error() -> None:
    pages = Pages(CASES / "M42-no-last-line-feed")
    with serving(pages) as url:
        client = HttpClient(url, timeout_s=5)
        client.get("/metrics")
        first = client._connection.sock
        client.get("/metrics")
        assert first is not None and client._connection.sock is first
        assert len(pages.asked) == 2
        pages.settings["headers"] = {"Content-Length": "4000", "Connection": "close"}
        with pytest.raises(HttpError, match="IncompleteRead"):
            client.get("/metrics")
        client.close()
