"""Samples of a soak's arms every few seconds: gauges, growth of counters, process usage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lab.instruments.background_load import background_over
from lab.instruments.instrument_interfaces import BackgroundLoad, Roles, Source
from lab.instruments.metrics_scraper import NO_METRICS, MetricsScraper, Scrape, summarize
from lab.instruments.process_sampler import ProcessSampler, usage_over
from lab.instruments.service_http_client import HttpError
from lab.trials.trial import MetricsReading, Usage

SCRAPE_TIMEOUT_S = 2.0  # a service that hangs must not delay the next interval
_LASTING = 12  # samples in a row: such a process is no helper for a single task


@dataclass(frozen=True)
class IntervalSample:
    """One arm over one interval."""

    gauges: Mapping[str, float] = field(default_factory=dict)  # at its end; empty if unanswered
    counters: Mapping[str, float] = field(default_factory=dict)  # growth over it
    usage: Mapping[str, Usage] = field(default_factory=dict)  # over it, by role
    metrics: MetricsReading | None = None  # how they were read
    fallen: Mapping[str, str] = field(default_factory=dict)  # counters that did, and what it means
    hangs: bool = False  # whether it was asked for its metrics at the end and did not answer
    # by role, processes that had lasted for long and have ended, other than the role's own
    ended: Mapping[str, Sequence[int]] = field(default_factory=dict)


class IntervalSampler(Protocol):
    """Samples all arms at once."""

    def sample(self) -> tuple[dict[str, IntervalSample], BackgroundLoad]:
        """Every arm since the last sample, and the load of everything else since then."""

    def attach(self, arm: str, source: Source, roles: Roles) -> None:
        """Sample these processes of an arm from now on."""

    def close(self) -> None:
        """End sampling."""


class HttpIntervalSampler:
    """Implements `IntervalSampler` over HTTP and psutil; keeps the last sample only."""

    def __init__(self) -> None:
        self._scrapers: dict[str, MetricsScraper] = {}
        self._last: dict[str, Scrape | None] = {}
        self._problems: dict[str, str] = {}  # of the last scrape that failed
        self._sampler = ProcessSampler({})
        self._roles: dict[str, Roles] = {}
        self._seen: dict[str, Counter[int]] = {}  # by processes: samples of each below them

    def attach(self, arm: str, source: Source, roles: Roles) -> None:
        """Sample these processes of an arm from now on."""
        if arm in self._scrapers:
            self._scrapers.pop(arm).close()
        if source.metrics is not None:
            self._scrapers[arm] = MetricsScraper(
                source.url, source.metrics, SCRAPE_TIMEOUT_S, source.buckets
            )
        self._last[arm] = self._scrape(arm)
        self._roles[arm] = roles
        # keyed by processes: a database that arms share is counted once
        self._sampler = ProcessSampler(
            {str(pids): pids for own in self._roles.values() for pids in own.values()}
        )
        self._sampler.sample()
        self._seen = {key: self._seen.get(key, Counter()) for key in self._sampler.members}

    def sample(self) -> tuple[dict[str, IntervalSample], BackgroundLoad]:
        """Every arm since the last sample, and the load of everything else since then."""
        self._sampler.sample()
        usage = usage_over(self._sampler.samples)
        background = background_over(self._sampler.samples)
        del self._sampler.samples[:-1]
        lost = {key: self._lost(key, pids) for key, pids in self._sampler.members.items()}
        samples = {}
        for arm, roles in self._roles.items():
            last, now = self._last[arm], self._scrape(arm)
            own = {role: usage[str(pids)] for role, pids in roles.items()}
            ended = {role: lost[str(pids)] for role, pids in roles.items() if lost[str(pids)]}
            if now is None:
                problem = summarize([], self._problems[arm])
                hangs = arm in self._scrapers
                samples[arm] = IntervalSample(usage=own, metrics=problem, hangs=hangs, ended=ended)
                continue
            grown, fallen = (now.since(last), now.fallen(last)) if last else ({}, {})
            metrics = summarize([now], "")
            samples[arm] = IntervalSample(now.gauges, grown, own, metrics, fallen, ended=ended)
            self._last[arm] = now
        return samples, background

    def close(self) -> None:
        """Close the connections."""
        for scraper in self._scrapers.values():
            scraper.close()

    def _lost(self, key: str, pids: Sequence[int]) -> list[int]:
        """Those processes of a role that are not there any more and had lasted for long."""
        seen, now = self._seen[key], set(pids)
        lost = sorted(pid for pid, count in seen.items() if pid not in now and count >= _LASTING)
        self._seen[key] = Counter({pid: seen[pid] + 1 for pid in now})
        return lost

    def _scrape(self, arm: str) -> Scrape | None:
        if arm not in self._scrapers:
            self._problems[arm] = NO_METRICS
            return None
        try:
            return self._scrapers[arm].scrape()
        except HttpError as error:  # the gates judge a service that cannot answer
            self._problems[arm] = str(error)
            return None
