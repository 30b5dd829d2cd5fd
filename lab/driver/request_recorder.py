"""Requests of a trial, folded into a histogram per name and second.

Recording a request appends to a few arrays (a microsecond); folding happens between requests,
once per frame, so that the load is disturbed as little as possible.
"""

from __future__ import annotations

import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import gevent
import numpy as np
import numpy.typing as npt

from lab.driver_protocol import RecordedRequests, RequestSummary, ScheduledRequests
from lab.stats.histogram import Histogram

_KINDS_OF_ERROR = 20
_FAILED, _SILENT = 1.0, 2.0  # silent: failed without any answer

Rows = npt.NDArray[np.float64]
Summaries = dict[str, RequestSummary]  # by request name


class _Requests:
    """Requests of one name that no frame has told yet, in the order of their ends."""

    def __init__(self) -> None:
        self.ends: array[float] = array("d")
        self.dues: array[float] = array("d")  # when the arrival was due that they belong to
        self.latencies: array[float] = array("d")  # seconds, from the intended send
        self.services: array[float] = array("d")  # seconds, from the actual send
        self.outcomes: array[float] = array("d")

    def take(self, count: int) -> Rows:
        """The first so many, a row for each of the arrays but the ends, and forget them."""
        taken = []
        for values in (self.dues, self.latencies, self.services, self.outcomes):
            taken.append(np.array(values[:count]))
            del values[:count]
        del self.ends[:count]
        return np.stack(taken)


class RequestRecorder:
    """Listens to Locust's `request` event and hands out frames."""

    def __init__(self) -> None:
        self._requests: defaultdict[str, _Requests] = defaultdict(_Requests)
        self._messages: Counter[str] = Counter()
        self._task_errors: Counter[str] = Counter()
        self._parts: Sequence[float] = ()
        self._part_ends: npt.ArrayLike = ()

    def group_by_scheduled_time(self, parts: Sequence[float], begin: float) -> None:
        """Tell requests by when they were due, too.

        Args:
            parts: Ends of the parts of time that are told apart, in seconds since `begin`,
                ascending. What is due after the last belongs to none.
            begin: Monotonic seconds.
        """
        self._parts, self._part_ends = parts, begin + np.array(parts)

    def on_request(
        self,
        name: str,
        response_time: float,
        exception: BaseException | None = None,
        response: Any = None,
        **_: Any,
    ) -> None:
        """A request has ended, well or not; `response_time` in milliseconds.

        The first request of an arrival counts from when the arrival was due, those that follow it
        from their own begin: within an arrival each waits for the answer before it.
        """
        now = time.monotonic()
        service = (response_time or 0.0) / 1000.0
        arrival = getattr(gevent.getcurrent(), "arrival", None)
        seen = self._requests[name]
        seen.ends.append(now)
        seen.services.append(service)
        seen.dues.append(now - service if arrival is None else arrival.due)
        seen.latencies.append(service if arrival is None else service + arrival.lateness())
        outcome = 0.0
        if exception is not None:
            outcome = _FAILED if _answered(response, exception) else _SILENT
            self._count(self._messages, exception)
        seen.outcomes.append(outcome)

    def on_user_error(self, exception: BaseException, **_: Any) -> None:
        """The scenario itself raised."""
        self._count(self._task_errors, exception)

    def take(self, until: float) -> RecordedRequests:
        """All that ended before `until` (monotonic seconds), and forget it."""
        requests: Summaries = {}
        scheduled: dict[float, Summaries] = {}
        for name, seen in self._requests.items():
            count = count_before(seen.ends, until)
            if not count:
                continue
            rows = seen.take(count)
            requests[name] = _summarize(rows)
            if self._parts:
                for part, own in self._by_part(rows):
                    scheduled.setdefault(part, {})[name] = _summarize(own)
        messages, self._messages = dict(self._messages), Counter()
        task_errors, self._task_errors = dict(self._task_errors), Counter()
        return RecordedRequests(
            requests=requests,
            by_scheduled_time=tuple(ScheduledRequests(*each) for each in sorted(scheduled.items())),
            errors=messages,
            task_errors=task_errors,
        )

    def _by_part(self, rows: Rows) -> Iterator[tuple[float, Rows]]:
        places = np.searchsorted(self._part_ends, rows[0], side="right")
        for place in np.unique(places).tolist():
            if place < len(self._parts):
                yield round(self._parts[place], 6), rows[:, places == place]

    @staticmethod
    def _count(counter: Counter[str], error: BaseException) -> None:
        text = f"{type(error).__name__}: {error}".splitlines()[0][:160]
        if text in counter or len(counter) < _KINDS_OF_ERROR:
            counter[text] += 1
        else:
            counter["others"] += 1


def _answered(response: Any, exception: BaseException) -> bool:
    """Whether the service failed by its answer; a refused, reset or silent connection has none."""
    if response is None:  # a client that is not HTTP
        return not isinstance(exception, OSError)
    return bool(getattr(response, "status_code", 0))


def _summarize(rows: Rows) -> RequestSummary:
    _, latencies, services, outcomes = rows
    same = bool((latencies == services).all())
    return RequestSummary(
        count=len(outcomes),
        errors=int(np.count_nonzero(outcomes)),
        latency=to_histogram(latencies),
        socket_errors=int(np.count_nonzero(outcomes == _SILENT)),
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
