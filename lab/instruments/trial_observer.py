"""Everything that watches one trial while the driver loads it, on the driver's own clock."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

from lab.instruments.http_client import HttpError
from lab.instruments.interface import Roles
from lab.instruments.metrics_scraper import MetricsScraper, Scrape, without_runtime_metrics
from lab.instruments.process_sampler import ProcessSample, ProcessSampler, others_over, usage_over
from lab.trial import Usage

_PERIOD_S = 1.0
_PATIENCE_S = 60.0  # with a service or database that hangs; its identity is asked next


class LiveTrialObserver:
    """Watches from the window's opening to its closing, both in monotonic seconds."""

    def __init__(
        self,
        base_url: str,
        roles: Roles,
        activity: Callable[[], dict[str, Any]],
        opens: float,
        closes: float,
    ) -> None:
        self._opens, self._closes = opens, closes
        self._scraper = MetricsScraper(base_url)
        self._sampler = ProcessSampler(roles)
        self._activity = activity
        self._scrapes: list[Scrape] = []
        self._activities: list[dict[str, Any]] = []
        self._cut_short = threading.Event()
        self._threads = [
            threading.Thread(target=self._every_second, args=(look,), daemon=True)
            for look in (self._scrape, self._sample)
        ]
        for thread in self._threads:
            thread.start()

    def row(self) -> dict[str, Any]:
        """What was seen last, for the series."""
        row: dict[str, Any] = {}
        if usage := self._sampler.latest():
            row["usage"] = usage
        if self._scrapes:
            row["metrics"] = without_runtime_metrics(self._scrapes[-1].gauges)
        if self._activities:
            row["postgres"] = self._activities[-1]
        return row

    def finish(self, whole: bool) -> None:
        """Wait for the last looks, which fall on the window's closing; not if it was cut short."""
        if not whole:
            self._cut_short.set()
        for thread in self._threads:
            thread.join(_PATIENCE_S if whole else _PERIOD_S)
        self._scraper.close()

    @property
    def counters(self) -> dict[str, float]:
        """Growth of each counter, scaled to the window's length."""
        if len(self._scrapes) < 2:
            return {}
        first, last = self._scrapes[0], self._scrapes[-1]
        scale = (self._closes - self._opens) / max(last.at - first.at, 1e-9)
        return {series: delta * scale for series, delta in last.since(first).items()}

    @property
    def counters_uncertainty_s(self) -> float:
        """How long the first and the last scrape took: their moment is known no better."""
        if len(self._scrapes) < 2:
            return 0.0
        return self._scrapes[0].took_s + self._scrapes[-1].took_s

    @property
    def usage(self) -> dict[str, Usage]:
        """Usage by role over the window."""
        return usage_over(self._samples)

    @property
    def others(self) -> tuple[float, float]:
        """Cores used by strangers, and the hypervisor's share."""
        return others_over(self._samples)

    @property
    def _samples(self) -> list[ProcessSample]:
        return self._sampler.samples

    def _every_second(self, look: Callable[[], None]) -> None:
        """At the opening, every second, and at the closing; late looks are not made up for."""
        due = self._opens
        while True:
            if self._cut_short.wait(max(0.0, due - time.monotonic())):
                return
            look()
            if due >= self._closes:
                return
            following = due + _PERIOD_S
            while following < time.monotonic():
                following += _PERIOD_S
            due = min(following, self._closes)

    def _scrape(self) -> None:
        # a service that cannot answer is the gates' business, not an error of the observer
        with contextlib.suppress(HttpError):
            self._scrapes.append(self._scraper.scrape())

    def _sample(self) -> None:
        self._sampler.sample()
        with contextlib.suppress(Exception):  # a database that went down: likewise
            self._activities.append(self._activity())
