"""Records the requests of a trial and summarizes them, per frame and request name.

Recording a request appends to a few arrays (a microsecond). Histograms are made once per frame,
between requests, so that the load is disturbed as little as possible.
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

from lab.driver_messages import RecordedRequests, RequestSummary, ScheduledRequests
from lab.stats.latency_histogram import Histogram

_MAX_MESSAGES = 20  # that are counted apart in a frame
_FAILED, _NO_ANSWER = 1.0, 2.0  # outcomes of a request beside 0.0, success

Rows = npt.NDArray[np.float64]
Summaries = dict[str, RequestSummary]  # by request name


class _Requests:
    """Requests of one name that no frame has reported yet, in the order of their ends."""

    def __init__(self) -> None:
        self.ends: array[float] = array("d")
        self.scheduled: array[float] = array("d")  # send time of the arrival they belong to
        self.latencies: array[float] = array("d")  # seconds, from the scheduled send time
        self.services: array[float] = array("d")  # seconds, from the actual send
        self.outcomes: array[float] = array("d")

    def take(self, count: int) -> Rows:
        """Remove the first so many; returns a row for each of the arrays but the ends."""
        taken = []
        for values in (self.scheduled, self.latencies, self.services, self.outcomes):
            taken.append(np.array(values[:count]))
            del values[:count]
        del self.ends[:count]
        return np.stack(taken)


class RequestRecorder:
    """Listens to Locust's events `request` and `user_error`."""

    def __init__(self) -> None:
        self._requests: defaultdict[str, _Requests] = defaultdict(_Requests)
        self._messages: Counter[str] = Counter()
        self._task_errors: Counter[str] = Counter()
        self._frames: Sequence[float] = ()
        self._frame_ends: npt.ArrayLike = ()

    def group_by_scheduled_time(self, frames: Sequence[float], begin: float) -> None:
        """From now on, group requests by the frame of their scheduled send time as well.

        Args:
            frames: Ends of the frames, in seconds since `begin`, ascending. What is scheduled
                after the last is in no group.
            begin: Monotonic seconds.
        """
        self._frames, self._frame_ends = frames, begin + np.array(frames)

    def on_request(
        self,
        name: str,
        response_time: float,
        exception: BaseException | None = None,
        response: Any = None,
        **_: Any,
    ) -> None:
        """Record a request that has ended, well or not; `response_time` is in milliseconds.

        Latency is measured from the scheduled send time for the first request of an arrival, and
        from the actual send for those that follow: each of them waits for the answer before it.
        """
        now = time.monotonic()
        service = (response_time or 0.0) / 1000.0
        arrival = getattr(gevent.getcurrent(), "arrival", None)
        seen = self._requests[name]
        seen.ends.append(now)
        seen.services.append(service)
        seen.scheduled.append(now - service if arrival is None else arrival.scheduled)
        seen.latencies.append(service if arrival is None else service + arrival.lateness())
        outcome = 0.0
        if exception is not None:
            outcome = _FAILED if _answered(response, exception) else _NO_ANSWER
            self._count(self._messages, exception)
        seen.outcomes.append(outcome)

    def on_user_error(self, exception: BaseException, **_: Any) -> None:
        """Count an exception that the scenario itself raised."""
        self._count(self._task_errors, exception)

    def take(self, until: float) -> RecordedRequests:
        """Remove and summarize all that ended before `until` (monotonic seconds)."""
        requests: Summaries = {}
        scheduled: dict[float, Summaries] = {}
        for name, seen in self._requests.items():
            count = count_before(seen.ends, until)
            if not count:
                continue
            rows = seen.take(count)
            requests[name] = _summarize(rows)
            for frame, own in self._by_scheduled_time(rows):
                scheduled.setdefault(frame, {})[name] = _summarize(own)
        messages, self._messages = dict(self._messages), Counter()
        task_errors, self._task_errors = dict(self._task_errors), Counter()
        return RecordedRequests(
            requests=requests,
            by_scheduled_time=tuple(ScheduledRequests(*each) for each in sorted(scheduled.items())),
            errors=messages,
            task_errors=task_errors,
        )

    def _by_scheduled_time(self, rows: Rows) -> Iterator[tuple[float, Rows]]:
        if not self._frames:
            return
        places = np.searchsorted(self._frame_ends, rows[0], side="right")
        for place in np.unique(places).tolist():
            if place < len(self._frames):
                yield round(self._frames[place], 6), rows[:, places == place]

    @staticmethod
    def _count(counter: Counter[str], error: BaseException) -> None:
        text = f"{type(error).__name__}: {error}".splitlines()[0][:160]
        if text in counter or len(counter) < _MAX_MESSAGES:
            counter[text] += 1
        else:
            counter["others"] += 1


def _answered(response: Any, exception: BaseException) -> bool:
    """Whether a failed request had an answer; a refused, reset or silent connection has none."""
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
