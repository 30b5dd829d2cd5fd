"""Stand-ins for `Driver`, `TrialObserver` and `IntervalSampler` for tests. They measure nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lab.driver_messages import (
    ArrivalSummary,
    Closed,
    ClosedLoadSpec,
    Frame,
    LaneEnded,
    LaneReady,
    Opened,
    OpenLoadSpec,
    RequestKey,
    RequestSummary,
    RunTrial,
    ScheduledRequests,
    SliceEnded,
    TrialMessage,
    WorkerStart,
)
from lab.instruments.instrument_interfaces import BackgroundLoad, Roles, SliceReading, Source
from lab.instruments.soak_sampler import IntervalSample
from lab.stats.latency_histogram import Histogram
from lab.system import DRIVER
from lab.trials.trial import LOADED, GaugeReading, MetricsReading, Usage

ORDERS = RequestKey("/orders", "POST")  # every request


def requests_at(latency_s: float, count: int, errors: int = 0) -> dict[RequestKey, RequestSummary]:
    """So many requests, all with one latency."""
    latency = Histogram()
    latency.add_many([latency_s] * count)
    return {ORDERS: RequestSummary(count, errors, latency)}


@dataclass
class FakeDriver:
    """Answers at the given rates, by host; `fails` may raise in place of a trial's frames."""

    rates: dict[str, float]
    fails: Callable[[str], None] = lambda host: None
    pid: int = 0
    workers: tuple[str, ...] = ()
    driven: list[tuple[str, str]] = field(default_factory=list)  # host and seed of each trial
    cycle_s: float | None = None  # of a user of each lane
    slices: list[tuple[str, float]] = field(default_factory=list)  # host and seconds of each
    # fields of a slice that differ from the usual ones, by its number, from 1
    unusual: Callable[[int], dict[str, Any]] = lambda number: {}
    # the faults of the scenario by which it ends a lane, by the number of the slice
    ends: Callable[[int], dict[str, int]] = lambda number: {}
    lanes: dict[str, RunTrial] = field(default_factory=dict)  # that are open

    def start_lane(self, lane: str, trial: RunTrial) -> LaneReady | LaneEnded:
        """Ready at once."""
        self.lanes[lane] = trial
        return LaneReady(lane, self.cycle_s)

    def run_slice(self, lane: str, seconds: float) -> SliceEnded | LaneEnded:
        """A slice in which a tenth of the time passes for the last answers."""
        trial = self.lanes[lane]
        self.slices.append((trial.host, seconds))
        self.fails(trial.host)
        number = len(self.slices)
        if faults := self.ends(number):
            del self.lanes[lane]
            return LaneEnded(lane=lane, drained=True, early=True, task_errors=faults)
        assert isinstance(trial.load, ClosedLoadSpec)
        usual = SliceEnded(
            lane=lane,
            opened=0.0,
            closed=seconds,
            ended=1.1 * seconds,
            user_s=seconds,
            users=trial.load.users,
            ticker_lateness=(0.001,) * 10,
            driver_cpu=0.1,
            requests=requests_at(0.1, round(self.rates[trial.host] * seconds)),
        )
        return replace(usual, **self.unusual(number))

    def end_lane(self, lane: str) -> LaneEnded:
        """At once."""
        del self.lanes[lane]
        return LaneEnded(lane=lane, drained=True)

    def drive(self, trial: RunTrial) -> Iterator[TrialMessage]:
        """One frame of warm-up and one that covers the window."""
        self.driven.append((trial.host, trial.seed))
        opens, closes = trial.warmup_s, trial.warmup_s + trial.window_s
        yield Opened(0.0, opens, closes)
        self.fails(trial.host)
        count = round(self.rates[trial.host] * trial.window_s)
        requests = requests_at(0.1, count)
        is_open = isinstance(trial.load, OpenLoadSpec)
        for t in (opens, closes):
            yield Frame(
                t=t,
                in_window=t > opens,
                driver_cpu=0.1,
                ticker_lateness=(0.001,) * 100,
                users=trial.load.users if isinstance(trial.load, ClosedLoadSpec) else 1,
                requests=requests,
                arrivals=ArrivalSummary(count, count) if is_open else None,
                by_scheduled_time=(ScheduledRequests(t, requests),) if is_open else (),
            )
        yield Closed(drained=True)


@dataclass
class FakeTrialObserver:
    """A quiet machine, but for the given load of other processes."""

    other_cpu: float = 0.0  # cores
    counters: dict[str, float] = field(default_factory=dict)
    counters_uncertainty_s: float = 0.0
    usage: dict[str, Usage] = field(
        default_factory=lambda: {LOADED: Usage(0.5, 0.5, 1e8, 50.0, 5.0)}
    )
    metrics: MetricsReading | None = None
    gauges: dict[str, GaugeReading] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """Nothing beside the requests."""
        return {}

    def finish(self, whole: bool) -> None:
        """At once."""

    @property
    def background(self) -> BackgroundLoad:
        """The given load, no steal."""
        return BackgroundLoad(self.other_cpu, 0.0)


def fake_observer_factory(other_cpu: Callable[[], float]) -> Callable[..., FakeTrialObserver]:
    """A factory of observers that see this load of other processes."""

    def observe(
        source: Source, roles: Roles, activity: object, opens: float, closes: float
    ) -> FakeTrialObserver:
        return FakeTrialObserver(other_cpu())

    return observe


@dataclass
class FakeSliceObserver:
    """A quiet machine, but for the given load of other processes."""

    other_cpu: float = 0.0  # cores
    grown: dict[str, float] = field(default_factory=dict)  # counters, in each slice
    metrics: MetricsReading | None = None
    lasted_s: list[float] = field(default_factory=list)  # of each slice
    idle_cpu: float = 0.0  # seconds of work between two looks at it
    looks: int = 0

    def begin(self) -> None:
        """At once."""

    def end(self, lasted_s: float) -> SliceReading:
        """Half a core for the service."""
        self.lasted_s.append(lasted_s)
        return SliceReading(dict(self.grown), {LOADED: 0.5 * lasted_s})

    def work_s(self, roles: Collection[str]) -> float:
        """As if it had worked for the given share of all slices so far."""
        self.looks += 1
        return self.idle_cpu * self.looks

    def wait_until_idle(self, limit_s: float) -> float:
        """At once."""
        return 0.0

    def row(self) -> dict[str, Any]:
        """Nothing beside the requests."""
        return {}

    def close(self) -> None:
        """At once."""

    @property
    def usage(self) -> dict[str, Usage]:
        """Of the service."""
        return {LOADED: Usage(0.5, 0.5, 1e8, 50.0, 5.0)} if self.lasted_s else {}

    @property
    def background(self) -> BackgroundLoad:
        """The given load, no steal."""
        return BackgroundLoad(self.other_cpu, 0.0)


@dataclass
class FakeIntervalSampler:
    """Returns the given figures, by arm and by the number of samples of its present processes."""

    gauges: Callable[[str, int], dict[str, float]] = lambda arm, number: {}
    rss_bytes: Callable[[str, int], float] = lambda arm, number: 1e8
    driver_cores: Mapping[int, float] = field(default_factory=dict)  # used, by process
    counts: dict[str, int] = field(default_factory=dict)  # samples of each arm so far
    drivers: dict[str, tuple[int, ...]] = field(default_factory=dict)  # of each arm
    # processes of an arm that have ended, by arm and number of the sample
    ended: Callable[[str, int], tuple[int, ...]] = lambda arm, number: ()
    is_seen: bool = True  # whether the processes of the target can be observed

    def sample(self) -> tuple[dict[str, IntervalSample], BackgroundLoad]:
        """A sample of a quiet machine."""
        samples = {}
        for arm in self.counts:
            self.counts[arm] += 1
            number = self.counts[arm]
            usage = Usage(0.2, 0.2, self.rss_bytes(arm, number), 50.0, 5.0)
            cores = sum(self.driver_cores.get(pid, 0.0) for pid in self.drivers[arm])
            driver = Usage(cores, cores, 1e8, 50.0, 5.0)
            gauges = self.gauges(arm, number)
            samples[arm] = IntervalSample(
                gauges,
                {"requests_total": 100.0},
                {LOADED: usage, DRIVER: driver} if self.is_seen else {DRIVER: driver},
                hangs=not gauges,
                ended={LOADED: self.ended(arm, number)},
            )
        return samples, BackgroundLoad(0.0, 0.0)

    def attach(self, arm: str, source: Source, roles: Roles) -> None:
        """Fresh processes: their samples are counted anew."""
        self.counts[arm] = 0
        self.drivers[arm] = tuple(roles[DRIVER])

    def close(self) -> None:
        """At once."""


@dataclass
class FakeSoakDriver:
    """Answers at a constant rate; a second of its trials takes no time."""

    rate: int = 20
    pid: int = 0
    workers: tuple[str, ...] = ()
    driven: list[str] = field(default_factory=list)  # seed of each trial
    # fields of the frame that differ from the usual ones, by number of the trial and second
    unusual: Callable[[int, int], dict[str, Any]] = lambda trial, second: {}
    closed: Closed = field(default_factory=lambda: Closed(drained=True))  # how every trial ends
    starts: tuple[WorkerStart, ...] = ()  # of the workers, if several share the load
    began_before_s: float = 0.0  # how long before now a trial began: the lab is late

    def drive(self, trial: RunTrial) -> Iterator[TrialMessage]:
        """A frame for each second of the window."""
        self.driven.append(trial.seed)
        opens = time.monotonic() - self.began_before_s
        yield Opened(opens, opens, opens + trial.window_s, workers=self.starts)
        requests = requests_at(0.01, self.rate)
        for second in range(1, int(trial.window_s) + 1):
            usual = Frame(
                t=float(second),
                in_window=True,
                ticker_lateness=(0.001,),
                users=1,
                requests=requests,
                arrivals=ArrivalSummary(self.rate, self.rate),
            )
            yield replace(usual, **self.unusual(len(self.driven), second))
        yield self.closed
