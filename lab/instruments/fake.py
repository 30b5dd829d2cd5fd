"""Stand-ins for `Driver` and `TrialObserver`, for tests of the loop. They measure nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.instruments.interface import Roles
from lab.instruments.interval_sampler import IntervalSample
from lab.measures import SERVICE
from lab.stats.histogram import Histogram
from lab.trial import Usage


@dataclass
class FakeDriver:
    """Answers with the rates that it is told, by host; `fails` may raise in their place."""

    rates: dict[str, float]
    fails: Callable[[str], None] = lambda host: None
    pid: int = 0
    driven: list[tuple[str, str]] = field(default_factory=list)  # host and seed of each trial

    def drive(
        self, *, host: str, load: Mapping[str, Any], warmup_s: float, window_s: float, seed: str
    ) -> Iterator[dict[str, Any]]:
        """One frame of warm-up and one that covers the window."""
        self.driven.append((host, seed))
        yield {"event": "opened", "started": 0.0, "opens": warmup_s, "closes": warmup_s + window_s}
        self.fails(host)
        count = round(self.rates[host] * window_s)
        latency = Histogram()
        latency.add_many([0.1] * count)
        seen = {"/orders": {"count": count, "errors": 0, "latency": latency.as_dict()}}
        none = Histogram().as_dict()
        sent = {"scheduled": count, "sent": count, "lag": none, "wait": none, "under_way_s": 0.0}
        for t, inside in ((warmup_s, False), (warmup_s + window_s, True)):
            yield {
                "event": "frame",
                "t": t,
                "window": inside,
                "driver_cpu": 0.1,
                "late": [0.001] * 100,
                "users": load.get("users", 1),
                **({"arrivals": sent, "due": [(t, seen)]} if "arrivals" in load else {}),
                "requests": seen,
                "errors": {},
                "task_errors": {},
            }
        left = {"waiting": 0, "undispatched": 0, "unanswered": 0}
        told: dict[str, Any] = {"due": [], "errors": {}, "task_errors": {}}
        yield {"event": "closed", "drained": True, **left, **told}


@dataclass
class FakeTrialObserver:
    """Sees a quiet machine, but for the strangers that it is told of."""

    strangers: float = 0.0
    counters: dict[str, float] = field(default_factory=dict)
    counters_uncertainty_s: float = 0.0
    usage: dict[str, Usage] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """Nothing beside the requests."""
        return {}

    def finish(self, whole: bool) -> None:
        """At once."""

    @property
    def others(self) -> tuple[float, float]:
        """The strangers, no steal."""
        return self.strangers, 0.0


def fake_observer_factory(strangers: Callable[[], float]) -> Callable[..., FakeTrialObserver]:
    """A watcher whose watches see these strangers."""

    def watch(
        url: str, roles: Roles, activity: object, opens: float, closes: float
    ) -> FakeTrialObserver:
        return FakeTrialObserver(strangers())

    return watch


@dataclass
class FakeIntervalSampler:
    """Sees what it is told, by arm and by how many looks old its processes are."""

    gauges: Callable[[str, int], dict[str, float]] = lambda arm, look: {}
    rss_bytes: Callable[[str, int], float] = lambda arm, look: 1e8
    looks: dict[str, int] = field(default_factory=dict)

    def look(self) -> tuple[dict[str, IntervalSample], tuple[float, float]]:
        """A quiet machine."""
        found = {}
        for arm in self.looks:
            self.looks[arm] += 1
            count = self.looks[arm]
            usage = Usage(0.2, 0.2, self.rss_bytes(arm, count), 50.0, 5.0)
            found[arm] = IntervalSample(
                self.gauges(arm, count), {"requests_total": 100.0}, {SERVICE: usage}
            )
        return found, (0.0, 0.0)

    def follow(self, arm: str, url: str, roles: Roles) -> None:
        """Fresh processes: their looks are counted anew."""
        self.looks[arm] = 0

    def close(self) -> None:
        """At once."""


@dataclass
class FakeSoakDriver:
    """A driver of so many requests in each second, told without waiting for it."""

    rate: int = 20
    pid: int = 0
    driven: list[str] = field(default_factory=list)  # seed of each life
    odd: Callable[[int, int], dict[str, Any]] = lambda life, second: {}  # in place of the usual
    after: dict[str, Any] = field(default_factory=dict)  # what it tells of a window when it closed

    def drive(
        self, *, host: str, load: Mapping[str, Any], warmup_s: float, window_s: float, seed: str
    ) -> Iterator[dict[str, Any]]:
        """A frame for each second of the window."""
        self.driven.append(seed)
        opens = time.monotonic()
        yield {"event": "opened", "started": opens, "opens": opens, "closes": opens + window_s}
        latency = Histogram()
        latency.add_many([0.01] * self.rate)
        seen = {"/orders": {"count": self.rate, "errors": 0, "latency": latency.as_dict()}}
        for second in range(1, int(window_s) + 1):
            yield {
                "event": "frame",
                "t": float(second),
                "window": True,
                "late": [0.001],
                "users": 1,
                "requests": seen,
                "errors": {},
                "task_errors": {},
                "arrivals": {"scheduled": self.rate, "sent": self.rate},
                **self.odd(len(self.driven), second),
            }
        yield {"event": "closed", "drained": True, **self.after}
