"""Requests of a trial, folded into a histogram per name and second.

Recording a request appends to two arrays (half a microsecond); folding happens between requests,
once per frame, so that the load is disturbed as little as possible.
"""

from __future__ import annotations

import time
from array import array
from collections import Counter, defaultdict
from typing import Any

import gevent
import numpy as np

from lab.stats.histogram import Histogram

_KINDS_OF_ERROR = 20


class _Requests:
    """Requests of one name that no frame has told yet, in the order of their ends."""

    def __init__(self) -> None:
        self.ends: array[float] = array("d")
        self.latencies: array[float] = array("d")  # seconds, from the intended send
        self.services: array[float] = array("d")  # seconds, from the actual send
        self.failed: array[float] = array("d")
        self.unanswered: array[float] = array("d")  # failed, without any answer


class Recorder:
    """Listens to Locust's `request` event and hands out frames."""

    def __init__(self) -> None:
        self._requests: defaultdict[str, _Requests] = defaultdict(_Requests)
        self._messages: Counter[str] = Counter()
        self._task_errors: Counter[str] = Counter()

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
        seen.latencies.append(service if arrival is None else service + arrival.lateness())
        if exception is not None:
            seen.failed.append(now)
            if not _answered(response, exception):
                seen.unanswered.append(now)
            self._count(self._messages, exception)

    def on_user_error(self, exception: BaseException, **_: Any) -> None:
        """The scenario itself raised."""
        self._count(self._task_errors, exception)

    def take(self, until: float) -> dict[str, Any]:
        """All that ended before `until` (monotonic seconds), and forget it."""
        requests: dict[str, dict[str, Any]] = {}
        for name, seen in self._requests.items():
            count = before(seen.ends, until)
            if not count:
                continue
            errors, unanswered = before(seen.failed, until), before(seen.unanswered, until)
            late = seen.latencies[:count] != seen.services[:count]
            requests[name] = {
                "count": count,
                "errors": errors,
                "socket_errors": unanswered,
                "latency": folded(seen.latencies[:count]),
            }
            if late:  # elsewhere both are the same
                requests[name]["service_latency"] = folded(seen.services[:count])
            del seen.ends[:count], seen.latencies[:count], seen.services[:count]
            del seen.failed[:errors], seen.unanswered[:unanswered]
        messages, self._messages = dict(self._messages), Counter()
        task_errors, self._task_errors = dict(self._task_errors), Counter()
        return {"requests": requests, "errors": messages, "task_errors": task_errors}

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


def before(moments: array[float], until: float) -> int:
    """How many of the ascending moments lie before `until`."""
    return int(np.searchsorted(np.frombuffer(moments), until)) if moments else 0


def folded(seconds: array[float]) -> dict[str, Any]:
    """Their histogram, as plain JSON types."""
    histogram = Histogram()
    histogram.add_many(np.frombuffer(seconds) if seconds else [])
    return histogram.as_dict()
