"""Records the requests of a trial and summarizes them, per frame, request name and method.

Recording a request appends to a list (a microsecond). Histograms are made once per frame, in pieces
between which requests are sent, so that the load is disturbed as little as possible.
"""

from __future__ import annotations

import itertools
import math
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from gevent import getcurrent

from lab.driver.arrival import Arrival, is_hook_under_way, origin
from lab.driver.event_loop import LongWork
from lab.driver.host_recorder import HostRecorder
from lab.driver.locust_statistics import Batch, Batches, Failures
from lab.driver.report_flaws import ReportFlaws, as_number
from lab.driver_messages import (
    RecordedRequests,
    RequestKey,
    RequestSummary,
    ScheduledRequests,
    as_utf8,
)
from lab.stats.latency_histogram import Histogram

_MAX_MESSAGES = 20  # that are counted apart in a frame
_PIECE = 1000  # requests that are summarized together
_AT_ONCE_S = 0.0005  # for which a summary lets nothing else run
_FAILED, _NO_ANSWER = 1.0, 2.0  # outcomes of a request beside 0.0, success
_OF_NO_ARRIVAL = math.inf  # the scheduled send time of what a hook of a user sends

# end, scheduled send time (monotonic seconds), latency, service latency (seconds; NaN: reported
# without a time), outcome, length of the answer (bytes)
Row = tuple[float, float, float, float, float, int]
Rows = npt.NDArray[np.float64]  # shape (requests, 6)
_END, _SCHEDULED, _LATENCY, _SERVICE, _OUTCOME, _LENGTH = range(6)
Summaries = dict[RequestKey, RequestSummary]


class RequestRecorder:
    """Listens to Locust's event `request`."""

    def __init__(self, hosts: HostRecorder | None = None) -> None:
        """Nothing is recorded yet.

        Args:
            hosts: Hears of every request as well: a listener of its own would cost more than what
                it does.
        """
        self._note_host = None if hosts is None else hosts.note
        self._began = time.monotonic()
        self._rows: dict[Any, list[Row]] = {}  # by name and method, as they were reported
        self._keys: dict[Any, RequestKey] = {}  # of the same
        self._messages: Counter[str] = Counter()
        self._failures: dict[tuple[RequestKey, str], tuple[Any, int]] = {}
        self._flaws = ReportFlaws()
        self._frames: Sequence[float] = ()
        self._frame_ends: npt.ArrayLike = ()
        self.add_to_statistics: Callable[[Batches, Failures], None] | None = None  # of Locust
        self._hooks: object = None  # the greenlet that calls listeners before and after the load

    def expect_arrivals(self, frames: Sequence[float], begin: float) -> None:
        """From now on requests belong to arrivals, and are also grouped by their schedule.

        Args:
            frames: Ends of the frames, in seconds since `begin`, ascending. What is scheduled
                after the last is in no group.
            begin: Monotonic seconds.
        """
        self._frames, self._frame_ends = frames, begin + np.array(frames)
        self._hooks = getcurrent()

    def on_request(
        self,
        name: Any = None,
        request_type: Any = "",
        response_time: Any = ...,
        response_length: Any = 0,
        exception: Any = None,
        response: Any = None,
        start_time: Any = None,
        url: Any = None,
        **_: Any,
    ) -> None:
        """Record a request that has ended, well or not; `response_time` is in milliseconds.

        Latency is measured from the scheduled send time for the requests that an arrival sends
        first, side by side perhaps, and from the actual send for those that follow: each of them
        waits for the answer before it.

        What users of an open load send in `on_start` and `on_stop` is of no arrival: Locust's own
        statistics have it, and the lab has the messages of its failures.
        """
        now = time.monotonic()
        longest = 1000 * (now - self._began)
        if type(response_time) is not float or not 0 <= response_time < longest:
            response_time = self._checked(name, request_type, response_time, now)
        service = latency = response_time / 1000
        scheduled = now - service
        if self._hooks is not None:
            reporter = getcurrent()
            arrival = origin(reporter)
            if type(arrival) is Arrival and service == service and not arrival.ended:
                scheduled = arrival.scheduled
                latency += arrival.lateness(now, service, start_time, reporter)
            elif is_hook_under_way(arrival):
                scheduled = _OF_NO_ARRIVAL
            elif service != service:  # it took no time, and belongs to no schedule
                scheduled = now
                if isinstance(arrival, Arrival):
                    arrival.unanswered = False
            elif reporter is not self._hooks:  # of no arrival, or of one that has ended
                self._flaws.add_unattributed(request_type, name, arrival is not None)
        outcome = 0.0
        if exception:
            outcome = _FAILED if _answered(response, exception) else _NO_ANSWER
            self._note_failure(name, request_type, exception)
        try:
            rows = self._rows[name, request_type]
        except (KeyError, TypeError):
            rows = self._add_key(name, request_type)
        # a single append: requests may be reported by threads as well
        length = response_length if type(response_length) is int else 0
        rows.append((now, scheduled, latency, service, outcome, length))
        if self._note_host is not None:
            self._note_host(url, response)

    def on_overridden_time(self, request: Mapping[str, Any]) -> None:
        """Note a request, as its client describes it, whose response time was replaced."""
        self._flaws.add_overridden(request.get("request_type"), request.get("name"))

    def take(self, until: float) -> RecordedRequests:
        """Remove and summarize all that ended before `until` (monotonic seconds).

        Other greenlets run meanwhile; what they report is left for the next call.
        """
        messages, self._messages = dict(self._messages), Counter()
        failures, self._failures = self._failures, {}
        ended, work = self._ended(until), LongWork(_AT_ONCE_S)
        if self.add_to_statistics is not None:
            self.add_to_statistics({}, failures)
        requests: Summaries = {}
        scheduled: dict[float, Summaries] = {}
        for key, pending, count in ended:
            rows = np.concatenate(list(self._removed(key, pending, count, work)))
            if not len(rows):  # of hooks alone
                continue
            requests[key] = _summarize(rows)
            work.pause()
            for frame, own in self._by_scheduled_time(rows):
                scheduled.setdefault(frame, {})[key] = _summarize(own)
                work.pause()
        return RecordedRequests(
            requests=requests,
            by_scheduled_time=tuple(ScheduledRequests(*each) for each in sorted(scheduled.items())),
            errors=messages,
            task_errors=self._flaws.take(),
        )

    def pending(self) -> tuple[Batches, Failures]:
        """What was not taken yet, for Locust's own statistics."""
        batches = {
            key: _batch(_as_rows(self._rows[reported]))
            for reported, key in list(self._keys.items())
            if self._rows[reported]
        }
        return batches, self._failures

    def _note_failure(self, name: Any, method: Any, error: Any) -> None:
        text = _count(self._messages, error)
        which = RequestKey(as_utf8(str(name)), as_utf8(str(method))), text
        first, count = self._failures.get(which, (error, 0))
        self._failures[which] = first, count + 1

    def _checked(self, name: Any, method: Any, reported: Any, now: float) -> float:
        """A response time that is no plain float in milliseconds; NaN for none."""
        if reported is None:
            return math.nan
        milliseconds = as_number(reported)
        if milliseconds is None or not 0 <= milliseconds < 1000 * (now - self._began):
            self._flaws.add_odd_time(method, name, reported)
            return math.nan
        return milliseconds

    def _add_key(self, name: Any, method: Any) -> list[Row]:
        """The rows of requests that are named like this; names and methods are any objects."""
        if name is None:
            self._flaws.add_nameless(method)
        key = RequestKey(as_utf8(str(name)), "" if method is None else as_utf8(str(method)))
        for reported, known in self._keys.items():
            if known == key:  # the text of another object, or an object that cannot be looked up
                return self._rows[reported]
        reported = (name, method)
        try:
            hash(reported)
        except TypeError:
            reported = key
        rows = self._rows.setdefault(reported, [])
        self._keys[reported] = key
        return rows

    def _ended(self, until: float) -> list[tuple[RequestKey, list[Row], int]]:
        """Of each name and method, its rows, and how many of the first ended before `until`."""
        found = []
        for reported, key in list(self._keys.items()):  # threads may report new ones
            pending = self._rows[reported]
            count = len(pending)
            while count and pending[count - 1][_END] >= until:
                count -= 1
            if count:
                found.append((key, pending, count))
        return found

    def _removed(
        self, key: RequestKey, pending: list[Row], count: int, work: LongWork
    ) -> Iterator[Rows]:
        """Remove the first rows, all for Locust's statistics; yields those that are of no hook."""
        while count:
            size = min(count, _PIECE)
            rows = _as_rows(pending[:size])
            del pending[:size]
            count -= size
            if self.add_to_statistics is not None:
                self.add_to_statistics({key: _batch(rows)}, {})
            yield rows[rows[:, _SCHEDULED] != _OF_NO_ARRIVAL]
            work.pause()

    def _by_scheduled_time(self, rows: Rows) -> Iterator[tuple[float, Rows]]:
        if not self._frames:
            return
        places = np.searchsorted(self._frame_ends, rows[:, _SCHEDULED], side="right")
        for place in np.unique(places).tolist():
            if place < len(self._frames):
                yield round(self._frames[place], 6), rows[places == place]


def _as_rows(recorded: list[Row]) -> Rows:
    """An array of them; several times as fast as `np.array`."""
    numbers = itertools.chain.from_iterable(recorded)
    flat = np.fromiter(numbers, dtype=np.float64, count=len(recorded) * len(recorded[0]))
    return flat.reshape(len(recorded), -1)


def _batch(rows: Rows) -> Batch:
    failed = np.asarray(rows[:, _OUTCOME] > 0, dtype=np.float64)
    return Batch(rows[:, _END], 1000 * rows[:, _SERVICE], failed, rows[:, _LENGTH])


def _count(counter: Counter[str], error: Any) -> str:
    text = (error if isinstance(error, str) else f"{type(error).__name__}: {error}")[:1000]
    text = as_utf8(next(iter(text.splitlines()), "")[:160])
    if text in counter or len(counter) < _MAX_MESSAGES:
        counter[text] += 1
    else:
        counter["others"] += 1
    return text


def _answered(response: Any, exception: Any) -> bool:
    """Whether a failed request had an answer; a refused, reset or silent connection has none."""
    if response is None:  # a client that is not HTTP
        return not isinstance(exception, OSError)
    return bool(getattr(response, "status_code", 0))


def _summarize(rows: Rows) -> RequestSummary:
    outcomes = rows[:, _OUTCOME]
    timed = rows[~np.isnan(rows[:, _SERVICE])]
    latencies, services = timed[:, _LATENCY], timed[:, _SERVICE]
    same = bool((latencies == services).all())
    return RequestSummary(
        count=len(rows),
        errors=int(np.count_nonzero(outcomes)),
        latency=to_histogram(latencies),
        socket_errors=int(np.count_nonzero(outcomes == _NO_ANSWER)),
        service_latency=None if same else to_histogram(services),
    )


def count_before(moments: array[float], until: float) -> int:
    """How many of the ascending moments lie before `until`."""
    return int(np.searchsorted(np.frombuffer(moments), until)) if moments else 0


def to_histogram(seconds: array[float] | npt.NDArray[np.float64]) -> Histogram:
    """Their histogram."""
    histogram = Histogram()
    histogram.add_many(np.asarray(seconds))
    return histogram
