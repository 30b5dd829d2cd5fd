"""The record of one trial: counters, latency histograms, series and faults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from lab.hypothesis import Statistic, Step
from lab.prometheus_selector import select
from lab.stats.histogram import Histogram

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]
    Segments = npt.NDArray[np.int64]

Value = TypeVar("Value")


@dataclass(frozen=True)
class Ended:
    """Requests that ended within the measured window."""

    count: int
    errors: int


@dataclass(frozen=True)
class Requests:
    """What the driver saw of one request name within the measured window.

    Of a closed load, these are the requests that ended in it. Of an open load they are those of
    the arrivals that were due in it, whenever they ended; what ended in it is told beside them.
    """

    count: int
    errors: int
    latency: Histogram  # seconds from the intended send, successes and errors alike
    socket_errors: int = 0  # of the errors: without any answer (refused, reset, timed out)
    sent_latency: Histogram | None = None  # seconds from the actual send, where that differs
    ended_within: Ended | None = None  # of an open load

    @property
    def ended(self) -> Ended:
        """What ended within the window: throughput is made of it."""
        return self.ended_within or Ended(self.count, self.errors)

    @property
    def service_latency(self) -> Histogram:
        """Seconds from the actual send."""
        return self.latency if self.sent_latency is None else self.sent_latency

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        data = {
            "count": self.count,
            "errors": self.errors,
            "socket_errors": self.socket_errors,
            "latency": self.latency.as_dict(),
        }
        if self.sent_latency is not None:
            data["service_latency"] = self.sent_latency.as_dict()
        if self.ended_within is not None:
            data["ended"] = vars(self.ended_within)
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Requests:
        """The inverse of `as_dict`; also of the driver's frames."""
        sent, ended = data.get("service_latency"), data.get("ended")
        return cls(
            data["count"],
            data["errors"],
            Histogram.from_dict(data["latency"]),
            data.get("socket_errors", 0),
            None if sent is None else Histogram.from_dict(sent),
            None if ended is None else Ended(**ended),
        )

    @classmethod
    def together(cls, parts: Iterable[Requests]) -> Requests:
        """All of them as one."""
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


@dataclass(frozen=True)
class Dispatch:
    """How the arrivals of an open load were sent within the window."""

    scheduled: int  # due within the window, and what was overdue when it opened
    sent: int
    waiting: int  # never sent: they found no free user until the window closed
    undispatched: int  # never sent: the driver did not get to them
    lag_p99_s: float  # from an arrival's moment to its dispatch: the driver's own lateness
    wait_p99_s: float  # from the dispatch of an arrival to a free user
    users: int  # at most, at the end of any second
    unanswered: int = 0  # sent, due in the window, and not answered when the driver gave up
    # how long the arrivals then under way had been so, together
    under_way_before_s: float = 0.0  # when the window opened
    under_way_after_s: float = 0.0  # when it closed
    lag: Histogram | None = None

    @property
    def unsent(self) -> int:
        """Arrivals that were never sent."""
        return self.waiting + self.undispatched

    @property
    def lost(self) -> int:
        """Arrivals that are neither: more or less than none is a fault of the driver."""
        return self.scheduled - self.sent - self.unsent


class ArrivalSecond(NamedTuple):
    """A second of an open load, or what an edge left of it."""

    length: float
    median: float | None  # latency of the arrivals due in it; None: half of them have no answer
    due: int = 1


@dataclass(frozen=True)
class SoakLoadStats:
    """What the driver of a soak's life told beside its requests."""

    scheduled: int = 0  # arrivals that were due
    sent: int = 0
    unanswered: int = 0  # sent, and without an answer when the driver gave up
    task_errors: int = 0
    task_error: str = ""  # the first of them
    excused: int = 0  # requests in the intervals of a crash that is allowed
    excused_errors: int = 0


@dataclass(frozen=True)
class StageRecord:
    """What became of the arrivals that were due in one stage of an open load."""

    name: str | None
    seconds: float
    requests: Mapping[str, Requests]
    medians: tuple[ArrivalSecond, ...]


@dataclass(frozen=True)
class Timing:
    """The rounds of one process of a benchmark; the raw ones lie in a file beside the record."""

    statistic: Statistic
    rounds: int
    iterations: int  # calls per round
    min_s: float  # per call
    median_s: float

    @property
    def value_s(self) -> float:
        """Seconds per call, by the statistic that the hypothesis chose."""
        return self.min_s if self.statistic == "min" else self.median_s


@dataclass(frozen=True)
class Usage:
    """What the processes of one role used within the measured window."""

    cpu: float  # cores, mean over the window
    cpu_peak: float  # cores, highest second
    rss_bytes: float | None  # highest second; None where the system does not let us look
    descriptors: float | None  # highest second
    threads: float | None  # highest second
    throttled: float | None = None  # share of scheduling periods that a CPU quota cut short


@dataclass(frozen=True, eq=False)
class TimeSeries:
    """What a life of a soak went through, interval by interval.

    Attributes:
        times: Seconds since its block began, at the end of each interval; pauses left out.
        segments: Which life of the arm's processes each interval belongs to, from 0 on.
        columns: By series, NaN where nothing was seen.
    """

    times: Values
    segments: Segments
    columns: Mapping[str, Values]

    def series(self, name: str) -> Values | None:
        """A series by its name, or the sum of the gauges that a selector picks."""
        if name in self.columns:
            return self.columns[name]
        picked = select(self.columns, name)
        return sum(picked[1:], picked[0]) if picked else None


@dataclass(frozen=True)
class Fault:
    """Why a trial is not to be trusted: the gate, its figure and limit, and in words."""

    gate: str
    message: str
    figure: float | None = None
    limit: float | None = None
    retryable: bool = True  # whether repeating the block may help


@dataclass(frozen=True)
class ServiceEvidence:
    """What load and soaks yield alike: a service under load, seen from both sides."""

    requests: Mapping[str, Requests] = field(default_factory=dict)  # by request name
    counters: Mapping[str, float] = field(default_factory=dict)  # Prometheus deltas over the window
    usage: Mapping[str, Usage] = field(default_factory=dict)  # by role
    errors: Mapping[str, int] = field(default_factory=dict)  # first words of errors, with counts
    ticker_late_p99_s: float = 0.0  # lateness of the driver's 10 ms ticker


@dataclass(frozen=True)
class LoadEvidence(ServiceEvidence):
    """What a trial of a load yields."""

    counters_uncertainty_s: float = 0.0  # how long the two scrapes took together
    users_missing: int = 0  # not running within the window, or not ended after it
    dispatch: Dispatch | None = None  # of an open load
    stages: tuple[StageRecord, ...] = ()  # of an open load that names any, or has several

    def stage(self, name: str) -> int:
        """The index of a stage; ValueError if the trial did not reach it."""
        return [stage.name for stage in self.stages].index(name)


@dataclass(frozen=True)
class SoakEvidence(ServiceEvidence):
    """What a soak trial yields."""

    load_stats: SoakLoadStats = field(default_factory=SoakLoadStats)
    crashes: tuple[str, ...] = ()  # how the arm's processes ended, where that is allowed
    time_series: TimeSeries | None = None  # kept in a file beside the record


@dataclass(frozen=True)
class BenchmarkEvidence:
    """What one process of a benchmark yields."""

    timing: Timing
    counts: Mapping[str, int] = field(default_factory=dict)  # exact, of the benchmark's own


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
    repeat: int = 1  # which of the block's trials of this step
    evidence: TrialEvidence | None = None  # None: it failed before anything was measured
    other_cpu: float = 0.0  # cores used by processes that are not the run's
    steal: float = 0.0  # share of all cores taken by the hypervisor
    faults: tuple[Fault, ...] = ()
    gates: Mapping[str, float] = field(default_factory=dict)  # figure of every gate checked

    @property
    def step(self) -> Step:
        """The arm and the level."""
        return Step(self.arm, self.level)

    @property
    def service(self) -> ServiceEvidence:
        """What a service under load yielded; empty for a benchmark, and if nothing was measured."""
        return self.evidence if isinstance(self.evidence, ServiceEvidence) else _NO_SERVICE

    @property
    def trusted(self) -> bool:
        """Whether no gate objects."""
        return not self.faults
