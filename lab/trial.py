"""The record of one trial: counters, latency histograms, series and faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lab.hypothesis import Step, parse_selector
from lab.stats.histogram import Histogram

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]
    Segments = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Requests:
    """What the driver saw of one request name within the measured window."""

    count: int
    errors: int
    latency: Histogram  # seconds, successes and errors alike

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        return {"count": self.count, "errors": self.errors, "latency": self.latency.as_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Requests:
        """The inverse of `as_dict`."""
        return cls(data["count"], data["errors"], Histogram.from_dict(data["latency"]))


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
class Course:
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
        wanted = parse_selector(name)
        picked = [
            values
            for text, values in self.columns.items()
            if text.partition("{")[0] == wanted.metric
            and dict(wanted.labels).items() <= dict(parse_selector(text).labels).items()
        ]
        return sum(picked[1:], picked[0]) if picked else None


@dataclass(frozen=True)
class Fault:
    """Why a trial is not to be trusted: the gate, its figure and limit, and in words."""

    gate: str
    message: str
    figure: float | None = None
    limit: float | None = None
    mendable: bool = True  # whether repeating the block may help


@dataclass(frozen=True)
class Trial:
    """One run of one arm. The unit of evidence; its series lie in a file beside the record."""

    block: int
    position: int
    arm: str
    started_at: float  # seconds since the epoch
    window_s: float  # as measured by the driver's clock
    level: float | None = None  # of a sweep: users, or arrivals a second
    repeat: int = 1  # which of the block's trials of this step
    requests: Mapping[str, Requests] = field(default_factory=dict)
    counters: Mapping[str, float] = field(default_factory=dict)  # Prometheus deltas over the window
    counters_uncertainty_s: float = 0.0  # how long the two scrapes took together
    usage: Mapping[str, Usage] = field(default_factory=dict)  # by role
    other_cpu: float = 0.0  # cores used by processes that are not the run's
    steal: float = 0.0  # share of all cores taken by the hypervisor
    ticker_late_p99_s: float = 0.0  # lateness of the driver's 10 ms ticker
    users_missing: int = 0  # not running within the window, or not ended after it
    errors: Mapping[str, int] = field(default_factory=dict)  # first words of errors, with counts
    faults: tuple[Fault, ...] = ()
    gates: Mapping[str, float] = field(default_factory=dict)  # figure of every gate looked at
    crashes: tuple[str, ...] = ()  # of a soak: how the arm's processes ended, where that is allowed
    course: Course | None = None  # of a soak: read from its series, not kept in the record

    @property
    def step(self) -> Step:
        """What was tried."""
        return Step(self.arm, self.level)

    @property
    def trusted(self) -> bool:
        """Whether no gate objects."""
        return not self.faults
