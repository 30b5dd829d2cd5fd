"""Observes the slices of one arm: counters and processor time before and after each of them.

A slice lasts for fractions of a second: too short for observations once a second, and for processor
time that the system counts in ticks of 10 ms. The scheduler's own account is in nanoseconds.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping
from typing import Any

from lab.instruments.background_load import Span, background_of
from lab.instruments.instrument_interfaces import BackgroundLoad, Roles, SliceReading, Source
from lab.instruments.metrics_scraper import (
    NO_METRICS,
    MetricsScraper,
    Scrape,
    summarize,
    without_runtime_metrics,
)
from lab.instruments.process_sampler import ProcessSampler, usage_over
from lab.instruments.service_http_client import HttpError
from lab.machine.processor_time import core_times, exact_cpu_s, is_runnable, since
from lab.processes.process_tree import started_by
from lab.system import DRIVER
from lab.trials.trial import MetricsReading, Usage

IDLE_SHARE = 0.1  # of a core: an arm that uses less is idle
PEAK_S = 1.0  # for which a peak lasts
_LEVELS_S = 1.0  # after which memory, threads and the like are read again, which takes long
_IDLE_CHECK_S = 0.01


class LiveSliceObserver:
    """Observes one arm. It does nothing between `end` and `begin`, nor within a slice."""

    def __init__(self, source: Source, roles: Roles) -> None:
        self._scraper = None
        if source.metrics is not None:
            self._scraper = MetricsScraper(source.url, source.metrics, buckets=source.buckets)
        self._scrapes: list[Scrape] = []
        self._problem = "" if self._scraper else NO_METRICS  # of the first scrape that failed
        self._lasted_s: list[float] = []
        self._cpu_s: list[Mapping[str, float]] = []
        self._before: Scrape | None = None
        self._owes_growth = False  # the latest slice could not be read at its end
        self._unread_s = 0.0  # of the slices since the latest that could
        self._lost_s = 0.0  # of slices before the first that could be read
        self._sampler = ProcessSampler(roles)
        self._sampler.sample()  # which processes there are
        self._levels_read_at = -math.inf  # a process of the driver is about to begin
        self._cpu_before: Mapping[str, float] = {}
        self._began, self._cores_before, self._lab_before_s = 0.0, core_times(), 0.0
        self._spans: list[Span] = []

    def begin(self) -> None:
        """A slice is about to begin."""
        if time.monotonic() >= self._levels_read_at + _LEVELS_S:
            self._sampler.sample()  # which processes there are as well
            self._levels_read_at = time.monotonic()
        now = self._scrape()
        if not self._owes_growth:  # nothing grows between slices: the latest reading will do
            self._before = now or (self._scrapes[-1] if self._scrapes else None)
        self._add_new_processes()
        self._cores_before, self._cpu_before = core_times(), self._cpu_now()
        self._began, self._lab_before_s = time.monotonic(), time.process_time()

    def end(self, lasted_s: float) -> SliceReading:
        """The slice has ended; it lasted for so many seconds."""
        seconds, lab_s = time.monotonic() - self._began, time.process_time() - self._lab_before_s
        cores = since(self._cores_before, core_times())
        self._add_new_processes()  # takes time, which is not of the slice
        cpu = self._cpu_now()
        used = {role: max(0.0, cpu[role] - self._cpu_before.get(role, 0.0)) for role in cpu}
        self._spans.append(Span(seconds, cores, sum(used.values()) + lab_s))
        self._cpu_s.append(used)
        self._lasted_s.append(lasted_s)
        after = self._scrape()
        counters = after.since(self._before) if after and self._before else {}
        # the next slice then has the growth of both: what all slices grew by stays right
        self._owes_growth = after is None and self._before is not None
        if self._before is None:
            self._lost_s += lasted_s
        else:
            self._unread_s = 0.0 if after else self._unread_s + lasted_s
        return SliceReading(counters, used)

    def work_s(self, roles: Collection[str]) -> float:
        """Processor time that the processes of these roles have used so far, seconds."""
        self._add_new_processes()
        members = self._sampler.members
        return sum(exact_cpu_s(pid) for role in roles for pid in members.get(role, ()))

    def wait_until_idle(self, limit_s: float) -> float:
        """Wait until the processes of the arm are idle; returns the seconds that took."""
        began = time.monotonic()
        used_s = self._target_cpu_s()
        while (waited_s := time.monotonic() - began) < limit_s:
            time.sleep(min(_IDLE_CHECK_S, limit_s - waited_s))
            now_s, passed_s = self._target_cpu_s(), time.monotonic() - began - waited_s
            if now_s - used_s <= IDLE_SHARE * passed_s and not self._has_work():
                break
            used_s = now_s
        return time.monotonic() - began

    def row(self) -> dict[str, Any]:
        """The observations of the latest slice, as plain JSON types for a row of the series."""
        row: dict[str, Any] = {}
        if self._cpu_s:
            lasted_s = max(self._lasted_s[-1], 1e-9)
            row["usage"] = {
                role: {"cpu": round(used_s / lasted_s, 4)}
                for role, used_s in self._cpu_s[-1].items()
            }
        if self._scrapes:
            row["metrics"] = without_runtime_metrics(self._scrapes[-1].gauges)
        return row

    def close(self) -> None:
        """End observing."""
        if self._scraper is not None:
            self._scraper.close()

    @property
    def metrics(self) -> MetricsReading:
        """How the counters were read, in all slices."""
        return summarize(self._scrapes, self._problem, self._unread_s + self._lost_s)

    @property
    def usage(self) -> dict[str, Usage]:
        """Usage by role over all slices; peaks are of a second."""
        if not self._lasted_s:
            return {}
        self._sampler.sample()
        levels = usage_over(self._sampler.samples)
        total_s = max(sum(self._lasted_s), 1e-9)
        return {
            role: Usage(
                cpu=sum(used[role] for used in self._cpu_s) / total_s,
                cpu_peak=self._peak(role),
                rss_bytes=level.rss_bytes,
                descriptors=level.descriptors,
                threads=level.threads,
                throttled=level.throttled,
            )
            for role, level in levels.items()
        }

    @property
    def background(self) -> BackgroundLoad:
        """Load of other processes and of the hypervisor, as a mean over all slices."""
        return background_of(self._spans, self._sampler.samples, names_run=False)

    def _peak(self, role: str) -> float:
        """Cores used in the busiest second of slices that follow each other."""
        peak, used_s, lasted_s = 0.0, 0.0, 0.0
        left_s = sum(self._lasted_s)
        for used, seconds in zip(self._cpu_s, self._lasted_s, strict=True):
            used_s, lasted_s, left_s = used_s + used[role], lasted_s + seconds, left_s - seconds
            if lasted_s >= min(PEAK_S, lasted_s + left_s):
                peak = max(peak, used_s / max(lasted_s, 1e-9))
                if left_s >= PEAK_S:
                    used_s, lasted_s = 0.0, 0.0
        return peak

    def _scrape(self) -> Scrape | None:
        if self._scraper is None:
            return None
        try:
            self._scrapes.append(self._scraper.scrape())
        except HttpError as error:  # the gates judge a service that cannot answer
            self._problem = self._problem or str(error)
            return None
        return self._scrapes[-1]

    def _add_new_processes(self) -> None:
        """Count what was started since the processes were last looked at; all it used is of now."""
        for role, roots in self._sampler.roles.items():
            known = self._sampler.members[role]
            known += [pid for root in roots for pid in started_by(root) if pid not in known]

    def _cpu_now(self) -> dict[str, float]:
        return {role: sum(map(exact_cpu_s, pids)) for role, pids in self._sampler.members.items()}

    def _has_work(self) -> bool:
        """Whether a thread of the arm runs, or waits for a core that others use."""
        members = self._sampler.members.items()
        return any(is_runnable(pid) for role, pids in members if role != DRIVER for pid in pids)

    def _target_cpu_s(self) -> float:
        return sum(used_s for role, used_s in self._cpu_now().items() if role != DRIVER)
