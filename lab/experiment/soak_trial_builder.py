"""The trial of one arm in one block of a soak, added up interval by interval."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import Any

from lab.driver_messages import Closed, Frame, Opened, RequestKey
from lab.experiment.driver_message_conversion import requests_of
from lab.experiment.fleet_builder import FleetBuilder
from lab.instruments.instrument_interfaces import BackgroundLoad
from lab.instruments.metrics_scraper import bounded, without_runtime_metrics
from lab.instruments.soak_sampler import IntervalSample
from lab.stats.nearest_rank import quantile
from lab.trials.time_series import TimeSeries, TimeSeriesBuilder
from lab.trials.trial import (
    Ended,
    Fault,
    MetricsReading,
    Requests,
    SoakEvidence,
    Surroundings,
    Trial,
    Usage,
)
from lab.trials.worker_records import FleetRecord, over_both

MAX_NOTES = 20  # of what is odd about a page of metrics
LEAST_BEYOND = 1  # a p99 of an interval is drawn and its drift judged, never its value


class SoakTrial:
    """Adds up frames and samples; holds the series so far and never a single request."""

    def __init__(
        self, trial: Trial, interval_s: float, loaded: str, may_restart: bool = False
    ) -> None:
        """Continue a trial.

        Args:
            trial: As recorded so far.
            interval_s: Length of an interval, seconds.
            loaded: The role that load goes to.
            may_restart: Whether its counters may start again, because a crash is allowed.
        """
        self._trial = trial
        self._may_restart = may_restart
        known = trial.evidence if isinstance(trial.evidence, SoakEvidence) else SoakEvidence()
        self._series = TimeSeriesBuilder(known.time_series)
        self._evidence = replace(known, time_series=None, loaded=loaded)
        self._interval_s = interval_s
        self.step = trial.step
        self._segment = self._series.segment
        self._instances: dict[str, str] = {}
        self._frames: dict[RequestKey, Requests] = {}
        self._ticker_lateness: list[float] = []
        self._last = (0, 0)  # requests and errors of the interval before
        self._excused_left = 0  # intervals from now on, after a crash
        self._fleet, self._earlier_fleet = FleetBuilder(), self._evidence.fleet
        self._earlier_s = trial.window_s  # that the segments before lasted
        self._earlier_scheduled = self._evidence.load_stats.scheduled  # in these
        self._frame_until = 0.0  # end of the last frame, seconds of the segment
        self._busiest = 0.0  # cores that other processes used in an interval, at most

    @property
    def until(self) -> float:
        """End of the last interval, seconds since the block began; 0 if there is none."""
        return self._series.until

    def begin_segment(self) -> None:
        """Begin a segment: the arm has other processes from now on."""
        self._segment += 1
        self._instances.clear()

    def crashed(self, how: str, down_s: float = 0.0) -> None:
        """Note that the processes ended by themselves and were started again.

        Requests that failed for that reason are excused: in this interval, in those of the start,
        and in the one after it.

        Args:
            how: They ended, in words.
            down_s: Seconds that the start took.
        """
        self._evidence = replace(self._evidence, crashes=(*self._evidence.crashes, how))
        self._excuse()
        self._excused_left = 1 + math.ceil(down_s / self._interval_s)
        self.begin_segment()

    def fault(self, fault: Fault) -> None:
        """Add a fault: the trial is not to be trusted."""
        self._trial = replace(self._trial, faults=(*self._trial.faults, fault))

    def knows(self, role: str, instance: str) -> bool:
        """Whether this is the instance that was seen first in this segment."""
        return self._instances.setdefault(role, instance) == instance

    def open(self, opened: Opened) -> None:
        """Note that the load of a segment has begun, and who makes it."""
        self._earlier_fleet, self._frame_until = self._evidence.fleet, 0.0
        self._earlier_s = self._trial.window_s
        self._earlier_scheduled = self._evidence.load_stats.scheduled
        self._fleet.open(opened)

    def add(self, frame: Frame) -> None:
        """Add a frame of the driver's."""
        self._fleet.add(frame, frame.t - self._frame_until)
        self._frame_until = frame.t
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
        foreign = Counter(self._evidence.foreign_hosts)
        foreign.update(frame.foreign_hosts)
        answered = self._evidence.arm_requests
        if frame.arm_requests is not None:
            answered = (answered or 0) + frame.arm_requests
        self._evidence = replace(
            self._evidence,
            errors=errors,
            load_stats=load_stats,
            arm_requests=answered,
            foreign_hosts=dict(foreign),
        )
        self._ticker_lateness += frame.ticker_lateness
        for key, requests in requests_of(frame.requests).items():
            _merge(self._frames, key, requests)

    def interval(
        self, until: float, sample: IntervalSample, background: BackgroundLoad
    ) -> dict[str, Any]:
        """Close an interval that ended `until` seconds into the block; its row for the series."""
        ended = Requests.together(self._frames.values())
        values = self._values(sample, ended)
        requests = dict(self._evidence.requests)
        for key, seen in self._frames.items():
            _merge(requests, key, seen)
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
            surroundings=self._surroundings(background),
        )
        self._evidence = replace(
            self._evidence,
            requests=requests,
            counters=counters,
            usage=usage,
            metrics=self._metrics(sample),
            ticker_late_p99_s=max(self._evidence.ticker_late_p99_s, p99),  # of the worst interval
            fleet=self._whole_fleet(),
        )
        self._last = (ended.count, ended.errors)
        if self._excused_left:
            self._excuse()
            self._excused_left -= 1
        self._frames, self._ticker_lateness = {}, []
        self._series.add(until, self._segment, values)
        short = {name: _short(value) for name, value in values.items()}
        return {"t": round(until, 3), "segment": self._segment, "values": short}

    def _whole_fleet(self) -> FleetRecord | None:
        """The workers of all segments so far."""
        now, earlier = self._fleet.record(), self._earlier_fleet
        if earlier is None or now is None:
            return now or earlier
        return over_both(earlier, now, self._earlier_s, self._frame_until)

    def _surroundings(self, background: BackgroundLoad) -> Surroundings | None:
        """Of the interval in which other processes used most."""
        known = self._trial.surroundings
        if known is not None and background.other_cpu <= self._busiest:
            return known
        self._busiest = background.other_cpu
        return background.surroundings

    def _metrics(self, sample: IntervalSample) -> MetricsReading | None:
        known, new = self._evidence.metrics or MetricsReading(), sample.metrics
        if new is None:
            return self._evidence.metrics
        fallen = {} if self._may_restart else sample.fallen
        return MetricsReading(
            scrapes=known.scrapes + new.scrapes,
            problem=known.problem or new.problem,
            types=new.types or known.types,
            unread=bounded({**known.unread, **new.unread, **fallen}),
            notes=tuple(dict.fromkeys((*known.notes, *new.notes)))[:MAX_NOTES],
            unread_s=0.0 if new.scrapes else known.unread_s + self._interval_s,
        )

    def _excuse(self) -> None:
        """Excuse the requests of the interval before."""
        (count, errors), known = self._last, self._evidence.load_stats
        excused, failed = known.excused + count, known.excused_errors + errors
        load_stats = replace(known, excused=excused, excused_errors=failed)
        self._evidence, self._last = replace(self._evidence, load_stats=load_stats), (0, 0)

    def close(self, closed: Closed) -> None:
        """End the block; arrivals of it that were answered since then have a latency, too."""
        self._fleet.close(closed)
        requests = dict(self._evidence.requests)
        for key, seen in requests_of(closed.requests).items():
            _merge(requests, key, replace(seen, ended_within=Ended(0, 0)))
        known = self._evidence.load_stats
        unanswered = known.unanswered + closed.unfinished.unanswered
        load_stats = replace(
            known,
            answers_awaited=known.answers_awaited + known.scheduled - self._earlier_scheduled,
            unanswered=unanswered,
            task_errors=known.task_errors + sum(closed.task_errors.values()),
            task_error=known.task_error or next(iter(closed.task_errors), ""),
            without_request=known.without_request + closed.unfinished.without_request,
        )
        foreign = Counter(self._evidence.foreign_hosts) + Counter(closed.foreign_hosts)
        self._evidence = replace(
            self._evidence,
            requests=requests,
            load_stats=load_stats,
            foreign_hosts=dict(foreign),
            fleet=self._whole_fleet(),
        )

    def trial(self) -> Trial:
        """The record so far, without the series."""
        return replace(self._trial, evidence=self._evidence)

    def whole(self) -> Trial:
        """The record with the series."""
        evidence = replace(self._evidence, time_series=self.time_series())
        return replace(self._trial, evidence=evidence)

    def time_series(self) -> TimeSeries:
        """The series so far."""
        return self._series.build()

    def _values(self, sample: IntervalSample, ended: Requests) -> dict[str, float]:
        values: dict[str, float] = {}
        if (usage := sample.usage.get(self._evidence.loaded)) is not None:
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


def _merge(totals: dict[RequestKey, Requests], key: RequestKey, more: Requests) -> None:
    totals[key] = Requests.together([totals[key], more]) if key in totals else more


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
    """Six digits: enough for a slope, and eight hours are many lines."""
    return int(value) if float(value).is_integer() else float(f"{value:.6g}")
