"""The trial of one arm in one block of a soak, added up interval by interval."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lab.driver_messages import Closed, Frame
from lab.experiment.driver_message_conversion import requests_of
from lab.instruments.instrument_interfaces import BackgroundLoad
from lab.instruments.metrics_scraper import without_runtime_metrics
from lab.instruments.soak_sampler import IntervalSample
from lab.measure_values import SERVICE
from lab.stats.nearest_rank import quantile
from lab.trial import Ended, Fault, Requests, SoakEvidence, TimeSeries, Trial, Usage

LEAST_BEYOND = 1  # a p99 of an interval is drawn and its drift judged, never its value


class SoakTrial:
    """Adds up frames and samples; holds the series so far and never a single request."""

    def __init__(self, trial: Trial, interval_s: float) -> None:
        self._trial = trial
        known = trial.evidence if isinstance(trial.evidence, SoakEvidence) else SoakEvidence()
        course = known.time_series
        self._evidence = replace(known, time_series=None)
        self._interval_s = interval_s
        self.step = trial.step
        self.until = float(course.times[-1]) if course is not None and course.times.size else 0.0
        self._segment = int(course.segments[-1]) if course is not None and self.until else -1
        self._times = array("d", course.times if course is not None else ())
        self._segments = array("q", course.segments if course is not None else ())
        self._columns = {
            series: array("d", values)
            for series, values in (course.columns if course else {}).items()
        }
        self._instances: dict[str, str] = {}
        self._frames: dict[str, Requests] = {}
        self._ticker_lateness: list[float] = []
        self._last = (0, 0)  # requests and errors of the interval before
        self._crashed = False  # in the interval before

    def begin_segment(self) -> None:
        """Other processes from now on."""
        self._segment += 1
        self._instances.clear()

    def crashed(self, how: str) -> None:
        """They ended by themselves, and began anew.

        Requests that fail for that, in this interval and while they start, are excused.
        """
        self._evidence = replace(self._evidence, crashes=(*self._evidence.crashes, how))
        self._excuse()
        self._crashed = True
        self.begin_segment()

    def fault(self, fault: Fault) -> None:
        """It is not to be trusted."""
        self._trial = replace(self._trial, faults=(*self._trial.faults, fault))

    def knows(self, role: str, instance: str) -> bool:
        """Whether this is the instance that was seen first in this segment."""
        return self._instances.setdefault(role, instance) == instance

    def add(self, frame: Frame) -> None:
        """Add a frame of the driver's."""
        errors = dict(self._evidence.errors)
        for text, count in frame.errors.items():
            errors[text] = errors.get(text, 0) + count
        known, arrivals = self._evidence.load_stats, frame.arrivals
        load_stats = replace(
            known,
            scheduled=known.scheduled + (arrivals.scheduled if arrivals else 0),
            sent=known.sent + (arrivals.sent if arrivals else 0),
            task_errors=known.task_errors + sum(frame.task_errors.values()),
            task_error=known.task_error or next(iter(frame.task_errors), ""),
        )
        self._evidence = replace(self._evidence, errors=errors, load_stats=load_stats)
        self._ticker_lateness += frame.ticker_lateness
        for name, requests in requests_of(frame.requests).items():
            _merge(self._frames, name, requests)

    def interval(
        self, until: float, sample: IntervalSample, background: BackgroundLoad
    ) -> dict[str, Any]:
        """Close an interval that ended `until` seconds into the block; its row for the series."""
        ended = Requests.together(self._frames.values())
        values = self._values(sample, ended)
        requests = dict(self._evidence.requests)
        for name, seen in self._frames.items():
            _merge(requests, name, seen)
        p99 = quantile(self._ticker_lateness, 0.99) or 0.0
        before, passed = self._trial.window_s, self._interval_s
        counters = dict(self._evidence.counters)
        for series, grown in sample.counters.items():
            counters[series] = counters.get(series, 0.0) + grown

        def mean(old: float, new: float) -> float:
            return (old * before + new * passed) / (before + passed)

        usage = dict(self._evidence.usage)
        for role, now in sample.usage.items():
            old = usage.get(role)
            usage[role] = now if old is None else _over_both(old, now, mean(old.cpu, now.cpu))
        self._trial = replace(
            self._trial,
            window_s=before + passed,
            other_cpu=mean(self._trial.other_cpu, background.other_cpu),
            steal=mean(self._trial.steal, background.steal),
        )
        self._evidence = replace(
            self._evidence,
            requests=requests,
            counters=counters,
            usage=usage,
            ticker_late_p99_s=max(self._evidence.ticker_late_p99_s, p99),  # of the worst interval
        )
        self._last = (ended.count, ended.errors)
        if self._crashed:
            self._excuse()
            self._crashed = False
        self._frames, self._ticker_lateness = {}, []
        self.until = until
        self._extend(until, values)
        short = {name: _short(value) for name, value in values.items()}
        return {"t": round(until, 3), "segment": self._segment, "values": short}

    def _excuse(self) -> None:
        """Hold the interval before against nobody."""
        (count, errors), known = self._last, self._evidence.load_stats
        excused, failed = known.excused + count, known.excused_errors + errors
        load_stats = replace(known, excused=excused, excused_errors=failed)
        self._evidence, self._last = replace(self._evidence, load_stats=load_stats), (0, 0)

    def close(self, closed: Closed) -> None:
        """End the block; arrivals of it that were answered since then have a latency, too."""
        requests = dict(self._evidence.requests)
        for name, seen in requests_of(closed.requests).items():
            _merge(requests, name, replace(seen, ended_within=Ended(0, 0)))
        known = self._evidence.load_stats
        unanswered = known.unanswered + closed.unfinished.unanswered
        load_stats = replace(known, unanswered=unanswered)
        self._evidence = replace(self._evidence, requests=requests, load_stats=load_stats)

    def trial(self) -> Trial:
        """The record so far."""
        return replace(self._trial, evidence=self._evidence)

    def whole(self) -> Trial:
        """The record with the series."""
        evidence = replace(self._evidence, time_series=self.time_series())
        return replace(self._trial, evidence=evidence)

    def time_series(self) -> TimeSeries:
        """The series so far."""
        import numpy as np

        return TimeSeries(
            np.array(self._times),
            np.array(self._segments),
            {name: np.array(values) for name, values in self._columns.items()},
        )

    def _values(self, sample: IntervalSample, ended: Requests) -> dict[str, float]:
        values: dict[str, float] = {}
        if (usage := sample.usage.get(SERVICE)) is not None:
            levels = {
                "cpu": usage.cpu,
                "rss_bytes": usage.rss_bytes,
                "descriptors": usage.descriptors,
                "threads": usage.threads,
            }
            values |= {name: level for name, level in levels.items() if level is not None}
        values["throughput"] = (ended.count - ended.errors) / self._interval_s
        if ended.count:
            values["error_rate"] = ended.errors / ended.count
        for name, q in (("latency_p50", 0.5), ("latency_p99", 0.99)):
            if (latency := ended.latency.quantile(q, beyond=LEAST_BEYOND)) is not None:
                values[name] = latency
        return values | without_runtime_metrics(sample.gauges)

    def _extend(self, until: float, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            column = self._columns.setdefault(name, array("d"))
            column.extend([math.nan] * (len(self._times) - len(column)))
            column.append(value)
        self._times.append(until)
        self._segments.append(self._segment)
        for column in self._columns.values():
            column.extend([math.nan] * (len(self._times) - len(column)))


def _merge(totals: dict[str, Requests], name: str, more: Requests) -> None:
    totals[name] = Requests.together([totals[name], more]) if name in totals else more


def _over_both(old: Usage, now: Usage, cpu: float) -> Usage:
    return Usage(
        cpu=cpu,
        cpu_peak=max(old.cpu_peak, now.cpu),
        rss_bytes=_higher(old.rss_bytes, now.rss_bytes),
        descriptors=_higher(old.descriptors, now.descriptors),
        threads=_higher(old.threads, now.threads),
        throttled=_higher(old.throttled, now.throttled),
    )


def _higher(a: float | None, b: float | None) -> float | None:
    known = [value for value in (a, b) if value is not None]
    return max(known, default=None)


def _short(value: float) -> float | int:
    """As few digits as a trend needs: eight hours are many lines."""
    return int(value) if float(value).is_integer() else float(f"{value:.6g}")
