"""The interfaces of the instruments: what the experiment requires of a driver and an observer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from lab.driver_messages import LaneEnded, LaneReady, RunTrial, SliceEnded, TrialMessage
from lab.trials.trial import GaugeReading, MetricsReading, Surroundings, Trial, Usage

Roles = Mapping[str, tuple[int, ...]]  # role -> ids of its processes; children belong to it


class BackgroundLoad(NamedTuple):
    """What else kept the cores of the run busy, as a mean over some time."""

    other_cpu: float  # of the cores of the run, used by processes that are not the run's
    steal: float  # share of these cores taken by the hypervisor
    surroundings: Surroundings | None = None

    def added_to(self, trial: Trial) -> Trial:
        """The trial with what was seen while it ran."""
        return replace(
            trial,
            other_cpu=self.other_cpu,
            steal=self.steal,
            surroundings=self.surroundings,
        )


class Source(NamedTuple):
    """Where the metrics of a service are read."""

    url: str
    metrics: str | None  # path; None if it has none
    gauges: tuple[str, ...] = ()  # selectors of those whose values are kept
    buckets: frozenset[str] = frozenset()  # metrics of histograms' buckets that are kept


class Driver(Protocol):
    """Loads a URL, trial by trial."""

    @property
    def pid(self) -> int:
        """Id of the process that makes the load, itself or by its children."""

    @property
    def workers(self) -> tuple[str, ...]:
        """Names and places of the workers that share the load; none if it makes the load itself."""

    def drive(self, trial: RunTrial) -> Iterator[TrialMessage]:
        """`Opened`, a `Frame` about every second, and `Closed`; DriverError if it cannot go on."""


class LaneDriver(Driver, Protocol):
    """Loads several URLs in turn as well, a slice each. DriverError if it cannot go on."""

    def start_lane(self, lane: str, trial: RunTrial) -> LaneReady | LaneEnded:
        """Start a trial that is loaded in slices, and warm up. `LaneEnded`: by the scenario."""

    def run_slice(self, lane: str, seconds: float) -> SliceEnded | LaneEnded:
        """Load it for so long, and until the last answer. `LaneEnded`: by the scenario."""

    def end_lane(self, lane: str) -> LaneEnded:
        """End the trial."""


class Observer(Protocol):
    """What was observed of one trial."""

    def row(self) -> dict[str, Any]:
        """The latest observations, as plain JSON types for a row of the series."""

    @property
    def metrics(self) -> MetricsReading | None:
        """How the counters were read, and what could not be."""

    @property
    def usage(self) -> dict[str, Usage]:
        """Usage by role while it was measured."""

    @property
    def background(self) -> BackgroundLoad:
        """Load of other processes and of the hypervisor while it was measured."""


class TrialObserver(Observer, Protocol):
    """Observes one trial from the start of its window to the end."""

    def finish(self, whole: bool) -> None:
        """End observing; wait for the last observations, unless the trial was cut short."""

    @property
    def counters(self) -> dict[str, float]:
        """Growth of each counter over the window."""

    @property
    def gauges(self) -> dict[str, GaugeReading]:
        """Values of the gauges that are kept, by selector."""

    @property
    def counters_uncertainty_s(self) -> float:
        """Seconds by which the time for which counters grew is uncertain."""


class SliceReading(NamedTuple):
    """What was observed of one slice."""

    counters: Mapping[str, float]  # growth of each
    cpu_s: Mapping[str, float]  # by role


class SliceObserver(Observer, Protocol):
    """Observes one arm before and after each of its slices."""

    def begin(self) -> None:
        """A slice is about to begin."""

    def end(self, lasted_s: float) -> SliceReading:
        """The slice has ended; it lasted for so many seconds."""

    def work_s(self, roles: Collection[str]) -> float:
        """Processor time that the processes of these roles have used so far, seconds."""

    def wait_until_idle(self, limit_s: float) -> float:
        """Wait until the processes of the arm are idle; returns the seconds that took."""

    def close(self) -> None:
        """End observing."""


SliceObserverFactory = Callable[[Source, Roles], SliceObserver]

# roles, database activity, begin and end of the window in monotonic seconds
ObserverFactory = Callable[
    [Source, Roles, Callable[[], dict[str, Any]], float, float], TrialObserver
]
