"""Observes one trial while the driver loads it: metrics, process usage, database activity."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

from lab.instruments.background_load import background_over
from lab.instruments.instrument_interfaces import BackgroundLoad, Roles, Source
from lab.instruments.metrics_scraper import (
    NO_METRICS,
    MetricsScraper,
    Scrape,
    gauge_readings,
    summarize,
    without_runtime_metrics,
)
from lab.instruments.process_sampler import ProcessSample, ProcessSampler, usage_over
from lab.instruments.service_http_client import HttpError
from lab.trials.trial import GaugeReading, MetricsReading, Usage

_PERIOD_S = 1.0
_FINISH_TIMEOUT_S = 60.0  # for a service or database that hangs; its identity is checked next


class LiveTrialObserver:
    """Observes once a second from the start of the window to its end, both in monotonic seconds."""

    def __init__(
        self,
        source: Source,
        roles: Roles,
        activity: Callable[[], dict[str, Any]],
        opens: float,
        closes: float,
    ) -> None:
        self._opens, self._closes = opens, closes
        self._scraper = None
        if source.metrics is not None:
            self._scraper = MetricsScraper(source.url, source.metrics, buckets=source.buckets)
        self._gauges = source.gauges
        self._sampler = ProcessSampler(roles)
        self._activity = activity
        self._scrapes: list[Scrape] = []
        self._problem = ""  # of the first scrape that failed
        self._activities: list[dict[str, Any]] = []
        self._cut_short = threading.Event()
        self._threads = [
            threading.Thread(target=self._every_second, args=(observe,), daemon=True)
            for observe in (self._scrape, self._sample)
        ]
        for thread in self._threads:
            thread.start()

    def row(self) -> dict[str, Any]:
        """The latest observations, as plain JSON types for a row of the series."""
        row: dict[str, Any] = {}
        if usage := self._sampler.latest():
            row["usage"] = usage
        if self._scrapes:
            row["metrics"] = without_runtime_metrics(self._scrapes[-1].gauges)
        if self._activities:
            row["postgres"] = self._activities[-1]
        return row

    def finish(self, whole: bool) -> None:
        """Wait for the last observations, at the window's end, unless the trial was cut short."""
        if not whole:
            self._cut_short.set()
        for thread in self._threads:
            thread.join(_FINISH_TIMEOUT_S if whole else _PERIOD_S)
        if self._scraper is not None:
            self._scraper.close()

    @property
    def counters(self) -> dict[str, float]:
        """Growth of each counter, scaled to the window's length; none if an end was not read."""
        if (ends := self._ends) is None:
            return {}
        first, last = ends
        scale = (self._closes - self._opens) / max(last.at - first.at, 1e-9)
        return {series: delta * scale for series, delta in last.since(first).items()}

    @property
    def gauges(self) -> dict[str, GaugeReading]:
        """Values of the gauges that are kept, by selector."""
        return gauge_readings(self._scrapes, self._gauges)

    @property
    def counters_uncertainty_s(self) -> float:
        """Seconds between the least and the most time of the load for which counters grew.

        A scrape reads them at some moment while it lasts, and the last one may begin late.
        """
        if (ends := self._ends) is None:
            return 0.0
        first, last = ends
        return first.took_s + max(0.0, last.ended - self._closes)

    @property
    def metrics(self) -> MetricsReading:
        """How they were read."""
        return summarize(self._scrapes, self._problem)

    @property
    def usage(self) -> dict[str, Usage]:
        """Usage by role over the window."""
        return usage_over(self._samples)

    @property
    def background(self) -> BackgroundLoad:
        """Load of other processes and of the hypervisor over the window."""
        return background_over(self._samples)

    @property
    def _ends(self) -> tuple[Scrape, Scrape] | None:
        """The scrapes of the window's begin and end; None if one of them failed."""
        if len(self._scrapes) < 2:
            return None
        first, last = self._scrapes[0], self._scrapes[-1]
        is_read = (
            first.began < self._opens + _PERIOD_S / 2 and last.began > self._closes - _PERIOD_S / 2
        )
        return (first, last) if is_read else None

    @property
    def _samples(self) -> list[ProcessSample]:
        return self._sampler.samples

    def _every_second(self, observe: Callable[[], None]) -> None:
        """At the window's begin, every second, and at its end; a missed second is skipped."""
        due = self._opens
        while True:
            if self._cut_short.wait(max(0.0, due - time.monotonic())):
                return
            observe()
            if due >= self._closes:
                return
            following = due + _PERIOD_S
            while following < time.monotonic():
                following += _PERIOD_S
            due = min(following, self._closes)

    def _scrape(self) -> None:
        if self._scraper is None:
            self._problem = NO_METRICS
            return
        try:
            self._scrapes.append(self._scraper.scrape())
        except HttpError as error:  # the gates judge a service that cannot answer
            self._problem = self._problem or str(error)

    def _sample(self) -> None:
        self._sampler.sample()
        with contextlib.suppress(Exception):  # and a database that went down
            self._activities.append(self._activity())
