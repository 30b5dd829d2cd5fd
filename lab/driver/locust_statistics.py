"""Locust's own statistics of a trial, for scenarios that read `environment.stats`.

They cost three times as much as the lab's recorder. So they get requests a frame at a time, from
what was recorded, and every request at once from the moment on that anybody reads them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from locust import runners
from locust import stats as locust_stats
from locust.env import Environment
from locust.stats import CachedResponseTimes, RequestStats, StatsEntry, StatsError

from lab.driver_messages import RequestKey

_SECONDS_CACHED = 20  # of response times, as Locust keeps them
_PASSED_ON = ("stats", "errors")  # by properties of Locust's runner

Numbers = npt.NDArray[np.float64]
_LOCUSTS_BUCKET = locust_stats.bucket_response_time
Failures = Mapping[tuple[RequestKey, str], tuple[Any, int]]


class ReadableEnvironment(Environment):
    """An environment that is told when somebody reads its statistics."""

    _stats: RequestStats
    on_read: Callable[[], None] | None = None
    log_request: Callable[..., None]  # Locust's own listener for requests, into `stats`

    @property
    def stats(self) -> RequestStats:
        """As under Locust, up to date."""
        if self.on_read is not None and not _read_by_runner():
            self.on_read()
        return self._stats

    @stats.setter
    def stats(self, stats: RequestStats) -> None:
        self._stats = stats


def _read_by_runner() -> bool:
    """Whether Locust's runner itself reads them: to clear them, or to log a request."""
    code, outer = sys._getframe(2).f_code, sys._getframe(3).f_code
    if code.co_filename == runners.__file__ and code.co_name in _PASSED_ON:
        code = outer
    return code.co_filename == runners.__file__


class Batch(NamedTuple):
    """Requests that ended one after another; arrays of shape (requests,)."""

    ends: Numbers  # monotonic seconds
    milliseconds: Numbers  # response times; NaN for none
    failed: Numbers  # 1 or 0
    lengths: Numbers  # of the answers, bytes


def add_batch(entry: StatsEntry, batch: Batch) -> None:
    """Log requests as `StatsEntry.log` and `log_error` do, all at once."""
    ends = batch.ends + (time.time() - time.monotonic())  # since the epoch
    timed = batch.milliseconds[~np.isnan(batch.milliseconds)]
    entry.num_requests += len(ends)
    entry.num_none_requests += len(ends) - len(timed)
    entry.num_failures += int(batch.failed.sum())
    entry.total_content_length += int(batch.lengths.sum())
    entry.last_request_timestamp = max(entry.last_request_timestamp or 0.0, float(ends[-1]))
    _count(entry.num_reqs_per_sec, np.floor(ends))
    _count(entry.num_fail_per_sec, np.floor(ends[batch.failed > 0]))
    if len(timed):
        entry.total_response_time += timed.sum().item()
        low, high = timed.min().item(), timed.max().item()
        known = entry.min_response_time
        entry.min_response_time = low if known is None else min(known, low)
        entry.max_response_time = max(entry.max_response_time, high)
        _count(entry.response_times, _buckets(timed))
    _cache(entry, int(ends[-1]))


def _buckets(milliseconds: Numbers) -> Numbers:
    """What `bucket_response_time` makes of each, which a scenario may have replaced."""
    if locust_stats.bucket_response_time is not _LOCUSTS_BUCKET:
        return np.array([locust_stats.bucket_response_time(each) for each in milliseconds.tolist()])
    steps = [1.0, 10.0, 100.0]
    step = np.select([milliseconds < 10 * 10 * each for each in steps], steps, 1000.0)
    return np.asarray(np.rint(milliseconds / step) * step, dtype=np.float64)


def _count(counts: dict[int, int], values: Numbers) -> None:
    for value, count in zip(*np.unique(values, return_counts=True), strict=True):
        counts[int(value)] += int(count)


Batches = Mapping[RequestKey, Batch]


class LocustStatistics:
    """Fills the statistics of an environment."""

    def __init__(
        self,
        environment: ReadableEnvironment,
        pending: Callable[[], tuple[Batches, Failures]],
        go_live: Callable[[], None],
    ) -> None:
        """Begin with empty statistics.

        Args:
            environment: Of the trial.
            pending: What is recorded and was not added yet.
            go_live: Have Locust log every request from now on.
        """
        self._environment, self._pending, self._go_live = environment, pending, go_live
        self._stats = environment._stats
        self._stats.clear_all()
        self.live = False
        environment.on_read = self._on_read

    def add(self, batches: Batches, failures: Failures) -> None:
        """Add the requests of a frame, unless they are logged as they end."""
        if self.live:
            return
        for key, batch in batches.items():
            add_batch(self._stats.get(key.name, key.method), batch)
        if batches:
            together = map(np.concatenate, zip(*batches.values(), strict=True))
            add_batch(self._stats.total, _in_order(Batch(*together)))
        now = time.time()
        for (key, _), (error, count) in failures.items():
            found = StatsError.create_key(key.method, key.name, error)
            seen = self._stats.errors.setdefault(found, StatsError(key.method, key.name, error))
            seen.occurrences += count
            seen.first_seen, seen.last_seen = seen.first_seen or now, now

    def _on_read(self) -> None:
        if not self.live:
            self.add(*self._pending())
            self.live = True
            self._go_live()


def _in_order(batch: Batch) -> Batch:
    order = np.argsort(batch.ends, kind="stable")
    return Batch(*(values[order] for values in batch))


def _cache(entry: StatsEntry, second: int) -> None:
    cache = entry.response_times_cache
    if cache is None:
        return
    cache[second] = CachedResponseTimes(
        entry.response_times.copy(), entry.num_requests, entry.num_none_requests
    )
    while len(cache) > _SECONDS_CACHED:
        cache.popitem(last=False)
