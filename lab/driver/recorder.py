"""Requests of a trial, folded into a histogram per name and second.

Recording a request appends to two arrays (half a microsecond); folding happens between requests,
once per frame, so that the load is disturbed as little as possible.
"""

from __future__ import annotations

import time
from array import array
from collections import Counter
from typing import Any

import numpy as np

from lab.stats.histogram import Histogram

_KINDS_OF_ERROR = 20


class Recorder:
    """Listens to Locust's `request` event and hands out frames."""

    def __init__(self) -> None:
        self._ends: dict[str, array[float]] = {}
        self._latencies: dict[str, array[float]] = {}
        self._failed: dict[str, array[float]] = {}
        self._messages: Counter[str] = Counter()
        self._task_errors: Counter[str] = Counter()

    def on_request(
        self,
        name: str,
        response_time: float,
        exception: BaseException | None = None,
        **_: Any,
    ) -> None:
        """A request has ended, well or not; `response_time` in milliseconds."""
        now = time.monotonic()
        try:
            self._ends[name].append(now)
        except KeyError:
            self._ends[name] = array("d", [now])
            self._latencies[name] = array("d")
            self._failed[name] = array("d")
        self._latencies[name].append(response_time or 0.0)
        if exception is not None:
            self._failed[name].append(now)
            self._count(self._messages, exception)

    def on_user_error(self, exception: BaseException, **_: Any) -> None:
        """The scenario itself raised."""
        self._count(self._task_errors, exception)

    def take(self, until: float) -> dict[str, Any]:
        """All that ended before `until` (monotonic seconds), and forget it."""
        requests = {}
        for name, ends in self._ends.items():
            count = int(np.searchsorted(np.frombuffer(ends), until)) if ends else 0
            if not count:
                continue
            histogram = Histogram()
            histogram.add_many(np.frombuffer(self._latencies[name])[:count] / 1000.0)
            failed = self._failed[name]
            errors = int(np.searchsorted(np.frombuffer(failed), until)) if failed else 0
            requests[name] = {"count": count, "errors": errors, "latency": histogram.as_dict()}
            self._ends[name] = ends[count:]
            self._latencies[name] = self._latencies[name][count:]
            self._failed[name] = failed[errors:]
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
