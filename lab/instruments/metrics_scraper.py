"""Reads the Prometheus metrics of a service: growth of counters, and gauges as they are."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise, product

from lab.instruments.service_http_client import Answer, HttpClient, HttpError
from lab.measures.number_format import plain
from lab.prometheus.selector import Selector, select
from lab.prometheus.text_format import Page, decode, parse_page
from lab.trials.trial import GaugeReading, MetricsReading

ACCEPT = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,"
    "*/*;q=0.2"
)
"""What a Prometheus server (3.0, without native histograms) asks a service for."""
_HEADERS = {"Accept": ACCEPT, "Accept-Encoding": "gzip"}
_RUNTIME = ("python_", "process_")
_MAX_UNREAD = 100  # series of a trial that are recorded as unread
NO_METRICS = "lab.toml names no `metrics` of the process that is loaded"
_ROUNDS, _AT_ONCE = 4, 4  # connections by which several processes are looked for
_ROUNDING = 1e-9  # of a sum that several processes add up in another order


@dataclass(frozen=True)
class Scrape:
    """All series at one moment: counters (with the parts of histograms) and gauges."""

    at: float  # monotonic seconds, middle of the request
    took_s: float
    counters: Mapping[str, float] = field(default_factory=dict)
    gauges: Mapping[str, float] = field(default_factory=dict)
    page: Page = field(default_factory=Page)

    @property
    def began(self) -> float:
        """When it was asked for, monotonic seconds."""
        return self.at - self.took_s / 2

    @property
    def ended(self) -> float:
        """When it had come, monotonic seconds."""
        return self.at + self.took_s / 2

    def since(self, earlier: Scrape) -> dict[str, float]:
        """Growth of each counter. A counter that fell has been reset, and is left out."""
        deltas = {
            series: value - earlier.counters.get(series, 0.0)
            for series, value in self.counters.items()
        }
        return {
            series: max(delta, 0.0)
            for series, delta in deltas.items()
            if delta >= -_ROUNDING * abs(self.counters[series])
        }

    def fallen(self, earlier: Scrape) -> dict[str, str]:
        """The series that were to be counters and fell or vanished, and what that means."""
        vanished = {
            series: "it vanished between two scrapes: its process started again, or several "
            "processes answer in turn"
            for series, before in earlier.counters.items()
            if before > 0 and series not in self.counters
        }
        return vanished | {
            series: f"it fell from {plain(before)} to {plain(value)} between two scrapes: it "
            "started again, several processes answer in turn, or it is no counter"
            for series, value in self.counters.items()
            if value < (before := earlier.counters.get(series, value)) - _ROUNDING * abs(value)
        }


class MetricsScraper:
    """Reads the metrics of one service."""

    def __init__(
        self,
        base_url: str,
        path: str,
        timeout_s: float = 15.0,
        buckets: Collection[str] = (),
    ) -> None:
        """Connect at the first scrape.

        Args:
            base_url: Of the service.
            path: Of its metrics.
            timeout_s: For an answer.
            buckets: Metrics of histograms' buckets that are kept, as counters.
        """
        self._client = HttpClient(base_url, timeout_s)
        self._path = path
        self._kept = buckets

    def scrape(self) -> Scrape:
        """Read all series now; HttpError if the service does not answer, or with no metrics."""
        began, asked = time.monotonic(), time.time()
        answer = self._client.get(self._path, _HEADERS)
        ended = time.monotonic()
        page = self._page(answer, (asked, asked + ended - began))
        counters = page.counters
        if self._kept:
            counters = {**counters, **dict(filter(self._is_kept, page.buckets.items()))}
        return Scrape((began + ended) / 2, ended - began, counters, page.gauges, page)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _is_kept(self, bucket: tuple[str, float]) -> bool:
        return Selector.parse(bucket[0]).metric in self._kept

    def _page(self, answer: Answer, now: tuple[float, float]) -> Page:
        if answer.status != 200:
            raise HttpError(f"GET {self._path}: status {answer.status}")
        kind = answer.content_type.partition(";")[0].strip().lower()
        try:
            return parse_page(decode(answer.body), kind == "application/openmetrics-text", now)
        except ValueError as error:
            of_type = f" (Content-Type {kind})" if kind else ""
            raise HttpError(f"GET {self._path}{of_type} is no page of metrics: {error}") from error


def divided_series(base_url: str, path: str) -> str | None:
    """A counter that falls from one connection to the next, and is several that answer in turn.

    Workers that share a port may each count for themselves. A connection that is kept stays with
    one of them, and shows a part for the whole.

    Args:
        base_url: Of a service that nobody loads.
        path: Of its metrics.

    Returns:
        None if none is seen to, or if the service does not answer.
    """

    def scrape(_: int) -> Scrape:
        scraper = MetricsScraper(base_url, path)
        try:
            return scraper.scrape()
        finally:
            scraper.close()

    before: list[Scrape] = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:  # a worker that is busy leaves some to others
        for _ in range(_ROUNDS):
            try:
                now = list(pool.map(scrape, range(_AT_ONCE)))
            except HttpError:  # the gates say so
                return None
            for earlier, later in product(before, now):
                if fallen := later.fallen(earlier):
                    return next(iter(fallen))
            before = now
    return None


def gauge_readings(scrapes: Sequence[Scrape], selectors: Iterable[str]) -> dict[str, GaugeReading]:
    """The values of gauges over some scrapes, by selector; series of one selector are added up."""
    found = {}
    for selector in selectors:
        picked = (select(scrape.gauges, selector) for scrape in scrapes)
        if values := [math.fsum(each) for each in picked if each]:
            mean = math.fsum(values) / len(values)
            found[selector] = GaugeReading(mean, max(values), values[-1], len(values))
    return found


def summarize(scrapes: Sequence[Scrape], problem: str, unread_s: float = 0.0) -> MetricsReading:
    """How the metrics of a service were read over some time.

    Args:
        scrapes: Those that succeeded, in the order of their time.
        problem: Of the first that did not; empty if all did.
        unread_s: Seconds whose growth was not read, as at the end.
    """
    unread: dict[str, str] = {}
    for scrape in scrapes:
        unread |= scrape.page.unread
    for earlier, later in pairwise(scrapes):
        unread |= later.fallen(earlier)
    notes = dict.fromkeys(note for scrape in scrapes for note in scrape.page.notes)
    return MetricsReading(
        scrapes=len(scrapes),
        problem=problem,
        types=scrapes[-1].page.types if scrapes else {},
        unread=bounded(unread),
        notes=tuple(notes)[:_MAX_UNREAD],
        unread_s=unread_s,
        unchanged=len(scrapes) > 1 and all(_are_equal(a, b) for a, b in pairwise(scrapes)),
    )


def _are_equal(a: Scrape, b: Scrape) -> bool:
    return a.counters == b.counters and a.gauges == b.gauges


def bounded(unread: Mapping[str, str]) -> dict[str, str]:
    """Reasons by series, or by metric where a page has too many of them."""
    if len(unread) <= _MAX_UNREAD:
        return dict(unread)
    return _first_of_each(unread.items())


def _first_of_each(unread: Iterable[tuple[str, str]]) -> dict[str, str]:
    metrics: dict[str, str] = {}
    for series, reason in unread:
        metrics.setdefault(str(Selector(Selector.parse(series).metric)), reason)
    return metrics


def without_runtime_metrics(series: Mapping[str, float]) -> dict[str, float]:
    """The series without those that every Python client exports of its interpreter and process."""
    return {name: value for name, value in series.items() if not name.startswith(_RUNTIME)}
