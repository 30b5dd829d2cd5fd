"""What a soak sees of its arms every few seconds: gauges, growth of counters, processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from lab.instruments.http_client import HttpError
from lab.instruments.interface import Roles
from lab.instruments.metrics_scraper import MetricsScraper, Scrape
from lab.instruments.process_sampler import ProcessSampler, others_over, usage_over
from lab.trial import Usage

PATIENCE_S = 2.0  # with a service that hangs: the next interval waits


@dataclass(frozen=True)
class IntervalSample:
    """One arm over one interval."""

    gauges: Mapping[str, float] = field(default_factory=dict)  # at its end; empty if unanswered
    counters: Mapping[str, float] = field(default_factory=dict)  # growth over it
    usage: Mapping[str, Usage] = field(default_factory=dict)  # over it, by role


class IntervalSampler(Protocol):
    """Looks at all arms at once."""

    def look(self) -> tuple[dict[str, IntervalSample], tuple[float, float]]:
        """Every arm since the last look; cores used by strangers, and the hypervisor's share."""

    def follow(self, arm: str, url: str, roles: Roles) -> None:
        """Look at these processes of an arm from now on."""

    def close(self) -> None:
        """Look no more."""


class HttpIntervalSampler:
    """Implements `IntervalSampler` over HTTP and psutil; keeps nothing but the last look."""

    def __init__(self) -> None:
        self._scrapers: dict[str, MetricsScraper] = {}
        self._last: dict[str, Scrape | None] = {}
        self._sampler = ProcessSampler({})
        self._roles: dict[str, Roles] = {}

    def follow(self, arm: str, url: str, roles: Roles) -> None:
        """Look at these processes of an arm from now on."""
        if arm in self._scrapers:
            self._scrapers[arm].close()
        self._scrapers[arm] = MetricsScraper(url, patience_s=PATIENCE_S)
        self._last[arm] = self._scrape(arm)
        self._roles[arm] = roles
        # by their processes: a database that arms share is counted once
        self._sampler = ProcessSampler(
            {str(pids): pids for own in self._roles.values() for pids in own.values()}
        )
        self._sampler.sample()

    def look(self) -> tuple[dict[str, IntervalSample], tuple[float, float]]:
        """Every arm since the last look; cores used by strangers, and the hypervisor's share."""
        self._sampler.sample()
        usage = usage_over(self._sampler.samples)
        others = others_over(self._sampler.samples)
        del self._sampler.samples[:-1]
        looks = {}
        for arm, roles in self._roles.items():
            last, now = self._last[arm], self._scrape(arm)
            own = {role: usage[str(pids)] for role, pids in roles.items()}
            if now is None:
                looks[arm] = IntervalSample(usage=own)
                continue
            looks[arm] = IntervalSample(now.gauges, now.since(last) if last else {}, own)
            self._last[arm] = now
        return looks, others

    def close(self) -> None:
        """Close the connections."""
        for scraper in self._scrapers.values():
            scraper.close()

    def _scrape(self, arm: str) -> Scrape | None:
        try:
            return self._scrapers[arm].scrape()
        except HttpError:  # a service that cannot answer is the gates' business
            return None
