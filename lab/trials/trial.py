"""What one trial recorded: evidence of its kind, background load, gates and faults."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from lab.driver_messages import RequestKey
from lab.hypothesis import Statistic, Step
from lab.stats.latency_histogram import Histogram
from lab.trials.time_series import TimeSeries
from lab.trials.worker_records import FleetRecord


@dataclass(frozen=True)
class Ended:
    """Requests that ended within the measured window."""

    count: int
    errors: int


@dataclass(frozen=True)
class Requests:
    """What the driver saw of one request name and method within the measured window.

    For a closed load, these are the requests that ended in it. For an open load they are those of
    the arrivals scheduled in it, whenever they ended; `ended_within` has what ended in it.
    """

    count: int
    errors: int
    # seconds from the scheduled send time, successes and errors alike; fewer than `count` if the
    # scenario reported requests without a time
    latency: Histogram
    socket_errors: int = 0  # of the errors: without any answer (refused, reset, timed out)
    sent_latency: Histogram | None = None  # seconds from the actual send, if that differs
    ended_within: Ended | None = None  # of an open load

    @property
    def ended(self) -> Ended:
        """What ended within the window: throughput is computed from it."""
        return self.ended_within or Ended(self.count, self.errors)

    @property
    def service_latency(self) -> Histogram:
        """Seconds from the actual send."""
        return self.latency if self.sent_latency is None else self.sent_latency

    @classmethod
    def together(cls, parts: Iterable[Requests]) -> Requests:
        """All parts added up."""
        parts = tuple(parts)
        latency, sent = Histogram(), Histogram()
        for part in parts:
            latency.merge(part.latency)
            sent.merge(part.service_latency)
        return cls(
            sum(part.count for part in parts),
            sum(part.errors for part in parts),
            latency,
            sum(part.socket_errors for part in parts),
            sent if any(part.sent_latency is not None for part in parts) else None,
            Ended(sum(part.ended.count for part in parts), sum(part.ended.errors for part in parts))
            if any(part.ended_within is not None for part in parts)
            else None,
        )


class MissingArrivals(NamedTuple):
    """Arrivals of a trial of which no latency is known."""

    unsent: int = 0  # or ended before they sent a request
    unanswered: int = 0
    answered: int = 0  # those of which it is known

    @classmethod
    def of(cls, unsent: int, sent: int, unanswered: int, without_request: int) -> Self:
        """From what was counted of the arrivals."""
        answered = sent - unanswered - without_request
        return cls(unsent + without_request, unanswered, answered)


@dataclass(frozen=True)
class Dispatch:
    """How the arrivals of an open load were sent within the window."""

    scheduled: int  # within the window, and what was overdue when it opened
    sent: int
    waiting: int  # never sent: they found no free user until the window closed
    undispatched: int  # never sent: the driver did not get to them
    lag_p99_s: float  # by which the driver itself was late (`ArrivalSummary`)
    wait_p99_s: float  # from the dispatch of an arrival to a free user
    users: int  # the most at the end of any second
    unanswered: int = 0  # sent, scheduled in the window, and not answered when the driver gave up
    # the age of all arrivals under way, added up
    under_way_before_s: float = 0.0  # when the window opened
    under_way_after_s: float = 0.0  # when it closed
    lag: Histogram | None = None  # as `lag_p99_s`, of all arrivals
    without_request: int = 0  # begun, scheduled in the window, and ended without any request

    @property
    def unsent(self) -> int:
        """Arrivals that were never sent."""
        return self.waiting + self.undispatched

    @property
    def lost(self) -> int:
        """Arrivals neither sent nor unsent; anything but 0 is a fault of the driver."""
        return self.scheduled - self.sent - self.unsent

    @property
    def missing(self) -> MissingArrivals:
        """Arrivals without a latency."""
        return MissingArrivals.of(self.unsent, self.sent, self.unanswered, self.without_request)


class ArrivalSecond(NamedTuple):
    """A second of an open load, or the part of it up to an edge of a stage."""

    length: float  # seconds
    median: float | None  # latency of its arrivals, seconds; None: half of them have no answer
    due: int = 1  # arrivals scheduled in it


@dataclass(frozen=True)
class SoakLoadStats:
    """What the driver of a soak trial reported beside its requests."""

    scheduled: int = 0  # arrivals
    sent: int = 0
    unanswered: int = 0  # sent, and without an answer when the driver gave up
    task_errors: int = 0  # that the scenario itself raised
    task_error: str = ""  # the first of them
    excused: int = 0  # requests in the intervals of a crash that is allowed
    excused_errors: int = 0
    without_request: int = 0  # arrivals that were begun and ended without any request
    # arrivals whose answers were awaited to the end: not those of a segment that was interrupted,
    # of which nobody knows how many are `unanswered` or `without_request`
    answers_awaited: int = 0

    @property
    def missing(self) -> MissingArrivals:
        """Arrivals without a latency, but for those under way when the soak was interrupted."""
        unsent = max(0, self.scheduled - self.sent)
        return MissingArrivals.of(unsent, self.sent, self.unanswered, self.without_request)


@dataclass(frozen=True)
class StageRecord:
    """The arrivals that were scheduled in one stage of an open load."""

    name: str | None
    seconds: float
    requests: Mapping[RequestKey, Requests]
    medians: tuple[ArrivalSecond, ...]


class Slice(NamedTuple):
    """A short time in which one process of a benchmark measured while the others were held."""

    position: int  # in the order of all slices of the block, from 1
    iterations: int  # calls
    seconds: float  # of all calls together
    value_s: float  # per call, by the statistic of the hypothesis, over the loops of the slice


@dataclass(frozen=True)
class Timing:
    """The timed loops of one process of a benchmark; the raw ones are in a file beside the record.

    Of a run that did not measure in slices, the loops are those of one long slice.
    """

    statistic: Statistic
    rounds: int  # timed loops
    iterations: int  # calls per loop
    min_s: float  # per call
    median_s: float  # the median over slices of their medians

    @property
    def value_s(self) -> float:
        """Seconds per call, by the statistic that the hypothesis chose."""
        return self.min_s if self.statistic == "min" else self.median_s


@dataclass(frozen=True)
class Usage:
    """What the processes of one role used within the measured window."""

    cpu: float  # cores, mean over the window
    cpu_peak: float  # cores, highest second
    rss_bytes: float | None  # highest second; None if the system does not permit it
    descriptors: float | None  # highest second
    threads: float | None  # highest second
    throttled: float | None = None  # share of scheduling periods that a CPU quota cut short


@dataclass(frozen=True)
class Fault:
    """Why a trial is not trusted: the gate, its figure and limit, and a message."""

    gate: str
    message: str
    figure: float | None = None
    limit: float | None = None
    retryable: bool = True  # whether repeating the block may help


@dataclass(frozen=True)
class MetricsReading:
    """How the metrics of a service were read during a trial."""

    scrapes: int = 0  # that succeeded
    problem: str = ""  # of the first that did not
    types: Mapping[str, str] = field(default_factory=dict)  # by family, on the last page
    unread: Mapping[str, str] = field(default_factory=dict)  # by series or metric: why it was not
    notes: tuple[str, ...] = ()  # what a page did that it should not, with its line
    unread_s: float = 0.0  # of a soak, or of slices: whose growth was not read
    unchanged: bool = False  # every series was the same in all scrapes, of which there are several


class GaugeReading(NamedTuple):
    """The values of a gauge in the window, as they were read."""

    mean: float
    max: float
    last: float
    reads: int  # how often it was read


LOADED = "service"  # the role that load went to in records that do not name it
CARRY_OVER = "carry_over"  # the gate of arms that are loaded in turn, a slice each


@dataclass(frozen=True)
class ServiceEvidence:
    """What loads and soaks both record: a service under load, seen by driver and service."""

    requests: Mapping[RequestKey, Requests] = field(default_factory=dict)
    counters: Mapping[str, float] = field(default_factory=dict)  # Prometheus deltas over the window
    usage: Mapping[str, Usage] = field(default_factory=dict)  # by role
    errors: Mapping[str, int] = field(default_factory=dict)  # first words of errors, with counts
    ticker_late_p99_s: float = 0.0  # lateness of the driver's 10 ms ticker
    metrics: MetricsReading | None = None  # None: of an older version of the lab
    arm_requests: int | None = None  # that the arm answered; None: the driver does not count them
    foreign_hosts: Mapping[str, int] = field(default_factory=dict)  # requests to other hosts
    loaded: str = LOADED  # the role that load went to
    fleet: FleetRecord | None = None  # the workers that shared the load; None: a single process

    @property
    def missing_arrivals(self) -> MissingArrivals:
        """Arrivals without a latency; none of a load of users."""
        return MissingArrivals()

    @property
    def loaded_usage(self) -> Usage | None:
        """What the processes used that load went to; None if they were not observed."""
        return self.usage.get(self.loaded)


@dataclass(frozen=True)
class SliceRequests:
    """Requests of one name and method in one slice."""

    count: int
    errors: int
    latency_s: float | None  # mean, from the actual send; None if no request had a time


@dataclass(frozen=True)
class LoadSlice:
    """A short time in which one arm was loaded while the others were held.

    Attributes:
        position: In the order of all slices of the block, from 1.
        seconds: Of its users' own time (see `SliceEnded`), as in the window of the trial.
        lasted_s: From the first send to the last answer.
        idle_after_s: For which the next slice waited, so that the arm was idle.
        took_s: With all that belongs to it: observing the arm, and waiting until it was idle.
        others_cpu_s: Processor time that the other arms used meanwhile, though nobody loaded them.
        requests: That were sent in it.
        counters: Growth of each counter.
        cpu_s: Processor time by role, seconds.
    """

    position: int
    seconds: float
    lasted_s: float
    idle_after_s: float
    took_s: float
    others_cpu_s: float
    requests: Mapping[RequestKey, SliceRequests]
    counters: Mapping[str, float]
    cpu_s: Mapping[str, float]


@dataclass(frozen=True)
class LoadEvidence(ServiceEvidence):
    """What a trial of a load records.

    If its window was cut into slices, its figures are those of all slices together, and window and
    rates are in the users' own time.
    """

    counters_uncertainty_s: float = 0.0  # of the time for which counters grew
    users_missing: int = 0  # not running within the window, or not ended after it
    dispatch: Dispatch | None = None  # of an open load
    stages: tuple[StageRecord, ...] = ()  # of an open load that names any, or has several
    slices: tuple[LoadSlice, ...] = ()  # one in each round of the block; empty: one whole window
    gauges: Mapping[str, GaugeReading] = field(default_factory=dict)  # those of measures

    @property
    def missing_arrivals(self) -> MissingArrivals:
        """Arrivals without a latency; none of a load of users."""
        return MissingArrivals() if self.dispatch is None else self.dispatch.missing

    def stage_index(self, name: str) -> int:
        """The index of a stage; ValueError if the trial did not reach it."""
        return [stage.name for stage in self.stages].index(name)


@dataclass(frozen=True)
class SoakEvidence(ServiceEvidence):
    """What a soak trial records."""

    load_stats: SoakLoadStats = field(default_factory=SoakLoadStats)
    crashes: tuple[str, ...] = ()  # how the arm's processes ended, if that is allowed
    time_series: TimeSeries | None = None  # kept in a file beside the record

    @property
    def missing_arrivals(self) -> MissingArrivals:
        """Arrivals without a latency; none of a load of users."""
        return self.load_stats.missing


@dataclass(frozen=True)
class BenchmarkEvidence:
    """What one process of a benchmark records.

    Attributes:
        timing: Its loops, summed up.
        counts: Exact, of the benchmark's own.
        other_info: What it stored that is no count.
        slices: In their order; the first is of the first round of the group. Empty in runs
            that did not measure in slices.
        group: Which processes of the block were alive at the same time, from 1.
    """

    timing: Timing
    counts: Mapping[str, int] = field(default_factory=dict)
    other_info: Mapping[str, str] = field(default_factory=dict)
    slices: tuple[Slice, ...] = ()
    group: int = 1


class OtherProcess(NamedTuple):
    """A process that used cores of the run and is none of the processes that were measured."""

    pid: int
    name: str  # of its program
    cpu: float  # cores of the run, mean over the window
    cores: tuple[int, ...]  # those of the run on which it was seen
    of_run: bool = False  # the lab has started it: it belongs to another arm, or is a helper


@dataclass(frozen=True)
class Surroundings:
    """Where the load of other processes was looked for, and what it was.

    Attributes:
        cores: Those that the processes of the run are kept on: only what happens there counts.
        spare: The other cores of the machine.
        roaming: Roles that are kept on no cores of their own; because of them all cores count.
        processes: What used most of these cores, as far as it could be seen.
    """

    cores: tuple[int, ...]
    spare: tuple[int, ...] = ()
    roaming: tuple[str, ...] = ()
    processes: tuple[OtherProcess, ...] = ()


TrialEvidence = LoadEvidence | SoakEvidence | BenchmarkEvidence
_NO_SERVICE = ServiceEvidence()


@dataclass(frozen=True)
class Trial:
    """One run of one arm: the unit of evidence."""

    block: int
    position: int
    arm: str
    started_at: float  # seconds since the epoch
    window_s: float  # as measured by the driver's clock
    level: float | None = None  # of a sweep: users, or arrivals a second
    repeat: int = 1  # which of the block's trials of this step: of a benchmark, the launch
    evidence: TrialEvidence | None = None  # None: it failed before anything was measured
    # what used the cores of the run and is not the run's, in cores; of runs without `surroundings`,
    # the cores of the whole machine
    other_cpu: float = 0.0
    steal: float = 0.0  # share of the same cores taken by the hypervisor
    surroundings: Surroundings | None = None
    faults: tuple[Fault, ...] = ()
    gates: Mapping[str, float] = field(default_factory=dict)  # figure of every gate checked

    @property
    def step(self) -> Step:
        """The arm and the level."""
        return Step(self.arm, self.level)

    @property
    def service(self) -> ServiceEvidence:
        """What was recorded of a service under load; empty for a benchmark or without evidence."""
        return self.evidence if isinstance(self.evidence, ServiceEvidence) else _NO_SERVICE

    @property
    def measured_s(self) -> float:
        """Seconds for which it was measured."""
        if isinstance(self.evidence, LoadEvidence) and self.evidence.slices:
            return math.fsum(each.lasted_s for each in self.evidence.slices)
        return self.window_s

    @property
    def is_in_slices(self) -> bool:
        """Whether it was measured in turn with others, in slices."""
        return bool(getattr(self.evidence, "slices", ()))

    @property
    def trusted(self) -> bool:
        """Whether no gate objects."""
        return not self.faults
