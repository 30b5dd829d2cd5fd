"""The messages between the lab and its load driver, and how they travel: one JSON object a line.

The lab sends `LoadScenario` once and `RunTrial` for each trial. The driver sends `Up` when it has
started, `Loaded` or `Failed` after `LoadScenario`, and for each trial `Opened`, a `Frame` about
every second and `Closed`, or `Failed` in place of what is missing. `Notice` may come at any time.

Trials of several arms that are measured in turn, a slice each, are lanes: the lab sends
`StartLane`, `RunSlice` as often as it likes, and `EndLane`; the driver answers by `LaneReady`, by
`SliceEnded` and by `LaneEnded`, which comes unasked if the scenario ends the lane.

This is the only module of the lab, statistics aside, that the driver's process imports.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from lab.errors import MeasurementError
from lab.stats.latency_histogram import Histogram

if TYPE_CHECKING:
    from lab.stats.arrival_schedule import ArrivalProcess

VERSION = 6
"""Of the messages. It changes with every change of a record below."""

DRAIN_S = 30
"""Seconds for which the driver waits, after the window, for requests that are under way."""

TICK_S = 0.01
"""Period of the driver's ticker, seconds; how late its ticks are shows how late all else may be."""


WORKER_TOKEN = "LAB_WORKER_TOKEN"
"""Environment variable: what a worker has to know to be admitted to a run."""

WORKER_PORT = 5557
"""At which a run listens for workers of other machines: that of Locust's master."""


class WorkerExit(IntEnum):
    """Exit codes of the process of a worker."""

    ENDED = 0  # the run has ended, or the worker was told to
    REFUSED = 71  # by the run, for a reason that it has printed
    FULL = 72  # the run has all its workers
    NO_MASTER = 73  # none answered, or the one there was is silent
    DIED = 74  # the process that makes the load has ended


class ProtocolError(MeasurementError):
    """A line that is no message of this version of the protocol."""


# -- from the lab to the driver --------------------------------------------------------


@dataclass(frozen=True)
class LoadScenario:
    """Import a locustfile. Users of an open load carry out arrivals; others are refused."""

    path: str
    open_load: bool
    limit_factor: float = 1.0  # of every time limit for code of the scenario
    files: Mapping[str, str] = field(default_factory=dict)
    """Digests ("sha256:...") of the scenario and what it uses, by path from the project folder.

    Every worker must have the same; a driver alone does not look at them.
    """


@dataclass(frozen=True)
class FormFleet:
    """Listen for workers, start those of this machine, and wait until all have joined."""

    local: int  # workers that the driver starts itself
    remote: int = 0  # that join by themselves
    host: str = "127.0.0.1"  # to listen at
    port: int = 0  # 0: any that is free
    token: str = ""  # that a worker has to know; not empty
    passed: tuple[str, ...] = ()  # names of the variables that the scenario gets

    @property
    def total(self) -> int:
        """Workers in all."""
        return self.local + self.remote


@dataclass(frozen=True)
class WorkerShare:
    """Which part of a load is a worker's own: arrivals `index`, `index + count`, ... of all."""

    index: int  # from 0 on
    count: int  # of workers


@dataclass(frozen=True)
class ClosedLoadSpec:
    """A fixed number of users, each of which waits for its answer."""

    users: int


class RateStage(NamedTuple):
    """A stretch of time in which the rate of arrivals follows a straight line."""

    from_rate: float  # arrivals a second
    to_rate: float
    seconds: float


@dataclass(frozen=True)
class OpenLoadSpec:
    """Arrivals at scheduled times, carried out by as many users as needed up to `max_users`."""

    arrivals: ArrivalProcess
    stages: tuple[RateStage, ...]  # together as long as the window
    max_users: int


LoadSpec = ClosedLoadSpec | OpenLoadSpec


@dataclass(frozen=True)
class RunTrial:
    """Load `host` for one trial. An open load begins its warm-up at the rate of its first stage."""

    host: str  # URL
    load: LoadSpec
    warmup_s: float
    window_s: float
    seed: str  # of everything random
    share: WorkerShare | None = None  # of a worker; None: all of it


@dataclass(frozen=True)
class Begin:
    """All workers are ready: let the load begin at this moment of the worker's monotonic clock."""

    at: float


@dataclass(frozen=True)
class EndTrial:
    """End the trial of a worker early: it is void."""


@dataclass(frozen=True)
class StartLane:
    """Start the users of a closed load, warm up, and hold the users before their next tasks.

    Lanes stay side by side until `EndLane`; the window of the trial is that of all its slices.
    """

    lane: str  # its name
    trial: RunTrial


@dataclass(frozen=True)
class RunSlice:
    """Let the users of a lane begin tasks for so long, then wait for the end of all tasks."""

    lane: str
    seconds: float


@dataclass(frozen=True)
class EndLane:
    """Stop the users of a lane and end its process."""

    lane: str


# -- from the driver to the lab ----------------------------------------------------------------


@dataclass(frozen=True)
class Up:
    """The driver has started."""


@dataclass(frozen=True)
class Loaded:
    """The scenario has been imported."""

    user_classes: tuple[str, ...]  # their names


@dataclass(frozen=True)
class Failed:
    """The scenario cannot be used, or the driver itself cannot go on."""

    message: str
    line: int | None  # of the scenario, if the error comes from there
    file: str | None = None  # in which the line is
    of_scenario: bool = True  # or else of a worker, or of the driver itself
    of_command: bool = False  # workers cannot join where the command says


@dataclass(frozen=True)
class Notice:
    """What the user should know of the scenario; it changes nothing."""

    text: str  # continues "the scenario", or is a sentence of its own
    of_scenario: bool = True


@dataclass(frozen=True)
class FleetFormed:
    """All workers have joined."""

    names: tuple[str, ...]  # with the places where they run, in the order of their shares


@dataclass(frozen=True)
class Ready:
    """All users of a worker run, and wait for `Begin`."""

    users: int


@dataclass(frozen=True, kw_only=True)
class WorkerStart:
    """A worker of a trial, at the start of its load."""

    name: str  # "worker 2"
    place: str  # "process 4711", for another machine with its name and address
    users: int  # of a closed load, its share; of an open load those that were connected
    machine: str  # the same for workers of one machine
    cores: tuple[int, ...]  # of that machine, on which it may run
    clock_offset_s: float  # its monotonic clock minus that of the driver; 0: they share one
    clock_error_s: float  # by which that may be wrong; so may the edges of its frames
    begin_late_s: float  # how much later than agreed its load began


@dataclass(frozen=True, kw_only=True)
class WorkerFrame:
    """What one worker did in a frame."""

    name: str
    users: int  # running at its end
    ended: int  # requests that ended
    ticker_lateness: tuple[float, ...] = ()  # seconds, of every tick
    driver_cpu: float | None = None  # cores
    scheduled: int = 0  # arrivals of an open load
    sent: int = 0  # of these
    lag: Histogram = field(default_factory=Histogram)  # seconds from schedule to dispatch


@dataclass(frozen=True, kw_only=True)
class WorkerEnd:
    """How a worker ended a trial."""

    name: str
    drained: bool
    ended_late: int  # requests that ended after its last frame
    place: str = ""  # as of `WorkerStart`, which a worker lacks that is lost before
    fault: str | None = None  # why the trial is void on its account, as a clause about it


@dataclass(frozen=True)
class Opened:
    """The load has begun. All three are monotonic seconds, the same clock in every process."""

    started: float
    opens: float  # start of the measured window
    closes: float  # its end
    errors: Mapping[str, int] = field(default_factory=dict)  # of requests before, by message
    late_s: float = 0.0  # by which the load began later than `started`, with workers
    workers: tuple[WorkerStart, ...] = ()  # none: the driver makes the load itself


class RequestKey(NamedTuple):
    """What requests are grouped by, as Locust does."""

    name: str
    method: str = ""  # Locust's request type; empty if it is not known


@dataclass(frozen=True)
class RequestSummary:
    """Some requests of one name and method."""

    count: int
    errors: int
    latency: Histogram  # seconds from the scheduled send time, of successes and errors alike
    socket_errors: int = 0  # of the errors: without an answer (refused, reset, timed out)
    service_latency: Histogram | None = None  # seconds from the actual send, if that differs


@dataclass(frozen=True)
class ScheduledRequests:
    """Requests of an open load whose scheduled send time lies in one frame."""

    t: float  # of that frame
    requests: Mapping[RequestKey, RequestSummary]


@dataclass(frozen=True)
class ArrivalSummary:
    """Arrivals of an open load within one frame."""

    scheduled: int
    sent: int
    # of those sent: seconds by which the driver itself was late (to the begin, or if no user was
    # free, to the dispatch), and from the dispatch to a free user
    lag: Histogram = field(default_factory=Histogram)
    wait: Histogram = field(default_factory=Histogram)
    under_way_s: float = 0.0  # sum of the ages of the arrivals under way at the end of the frame


@dataclass(frozen=True, kw_only=True)
class RecordedRequests:
    """What ended since the last frame.

    For an open load, requests are grouped twice: by the frame in which they ended, and by the
    frame of their scheduled send time.
    """

    requests: Mapping[RequestKey, RequestSummary] = field(default_factory=dict)
    by_scheduled_time: tuple[ScheduledRequests, ...] = ()
    errors: Mapping[str, int] = field(default_factory=dict)  # of requests, by message
    task_errors: Mapping[str, int] = field(default_factory=dict)
    """Faults of the scenario itself, with counts; each text continues "The scenario"."""
    arm_requests: int | None = None  # HTTP requests that the arm answered, redirects among them
    foreign_hosts: Mapping[str, int] = field(default_factory=dict)  # HTTP requests to other hosts


@dataclass(frozen=True, kw_only=True)
class Frame(RecordedRequests):
    """A second of a trial, or less: no frame straddles an edge of the window or of a stage."""

    t: float  # end of the frame, seconds since the load began
    in_window: bool
    users: int  # running at its end
    ticker_lateness: tuple[float, ...] = ()  # seconds, of every tick of the driver's 10 ms ticker
    driver_cpu: float | None = None  # cores; None if the driver does not measure it
    arrivals: ArrivalSummary | None = None  # of an open load
    by_worker: tuple[WorkerFrame, ...] = ()
    """What each worker did. `ticker_lateness` is then that of the worker whose ticks were latest
    in this frame, and `driver_cpu` that of the busiest worker, or of all that share cores for each
    of these cores, whichever is more."""


@dataclass(frozen=True)
class UnfinishedArrivals:
    """Arrivals of an open load that were never sent or never answered."""

    waiting: int = 0  # never sent: no user was free
    undispatched: int = 0  # never sent: the driver did not get to them
    unanswered: int = 0  # sent, scheduled in the window, and without an answer after `DRAIN_S`
    without_request: int = 0  # begun, scheduled in the window, and ended without any request


@dataclass(frozen=True, kw_only=True)
class Closed(RecordedRequests):
    """The trial has ended. The requests are those of an open load after its window.

    If the scenario ended it early, they are those that no frame has reported.
    """

    drained: bool  # whether all users ended within `DRAIN_S`
    early: bool = False  # before its window had passed, for a fault of the scenario or a worker
    unfinished: UnfinishedArrivals = field(default_factory=UnfinishedArrivals)
    ended_late: int = 0  # requests that ended after the last frame, reported here or not
    worker_ends: tuple[WorkerEnd, ...] = ()


@dataclass(frozen=True)
class LaneReady:
    """The users of a lane have warmed up, and wait before their next tasks."""

    lane: str
    cycle_s: float | None  # of a user, by `UserCycles.length_s`; None: the warm-up is too short
    errors: Mapping[str, int] = field(default_factory=dict)  # of requests so far, by message


@dataclass(frozen=True, kw_only=True)
class SliceEnded(RecordedRequests):
    """A slice has ended. What was sent in it counts in it.

    Moments are monotonic seconds, the same clock in every process. The rate of a slice is that of
    its users' own time: one that has ended its task, while others have not, waits for the next
    slice, and what it waits is no time of its own. A first cycle counts for as long as those that
    followed took: where users wait for each other, it is shorter, because all begin at once.
    """

    lane: str
    opened: float
    closed: float  # from then on, no task began
    ended: float  # the last task
    user_s: float  # of a user, as a mean: see above
    completed: bool = True  # whether all tasks ended within `DRAIN_S`
    between: int = 0  # requests that the scenario sent since the slice before, beside its users
    users: int  # running at its end
    ticker_lateness: tuple[float, ...] = ()  # seconds, of every tick within the slice
    driver_cpu: float | None = None  # cores


@dataclass(frozen=True, kw_only=True)
class LaneEnded(RecordedRequests):
    """The users of a lane have stopped; its process ends."""

    lane: str
    drained: bool  # whether all users ended within `DRAIN_S`
    early: bool = False  # unasked, for a reason among `task_errors`


TrialMessage = Opened | Frame | Closed
LaneCommand = StartLane | RunSlice | EndLane
LaneMessage = LaneReady | SliceEnded | LaneEnded
WorkerCommand = Begin | EndTrial
Message = (
    LoadScenario
    | FormFleet
    | RunTrial
    | WorkerCommand
    | LaneCommand
    | Up
    | Loaded
    | Failed
    | Notice
    | FleetFormed
    | Ready
    | TrialMessage
    | LaneMessage
)

_KINDS: dict[str, type[Message]] = {kind.__name__: kind for kind in get_args(Message)}


# -- on the wire -------------------------------------------------------------------------------


def as_utf8(text: str) -> str:
    """The text with question marks for halves of surrogate pairs, which no file can hold.

    A service that cuts strings in JavaScript sends such halves in its JSON.
    """
    return text.encode("utf-8", "replace").decode()


def encode(message: Message) -> bytes:
    """The message as a line."""
    envelope = {"version": VERSION, "kind": type(message).__name__, **_fields(message)}
    return json.dumps(envelope, separators=(",", ":"), default=_plain).encode() + b"\n"


def decode(line: bytes) -> Message:
    """The message of a line; ProtocolError if it is none of this version."""
    try:
        data = json.loads(line)
        version, kind = data.pop("version"), data.pop("kind")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ProtocolError(f"not a message: {line[:80]!r}") from None
    if version != VERSION:
        raise ProtocolError(f"messages of version {version}, not {VERSION}")
    if kind not in _KINDS:
        raise ProtocolError(f"no kind of message: {kind!r}")
    try:
        return _KINDS[kind](**{key: _READERS.get(key, _same)(data[key]) for key in data})
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise ProtocolError(f"not a {kind}: {error}") from error


def _plain(record: Any) -> Any:
    return record.as_dict() if isinstance(record, Histogram) else _fields(record)


def _fields(record: Any) -> dict[str, Any]:
    fields: dict[str, Any] = vars(record)
    if "requests" in fields:  # JSON has no keys of two parts
        requests = [[*key, summary] for key, summary in fields["requests"].items()]
        fields = {**fields, "requests": requests}
    return fields


def _same(value: Any) -> Any:
    return value


def _load(data: Mapping[str, Any]) -> LoadSpec:
    if "users" in data:
        return ClosedLoadSpec(**data)
    stages = tuple(RateStage(*stage) for stage in data["stages"])
    return OpenLoadSpec(**{**data, "stages": stages})


def _requests(data: list[Any]) -> dict[RequestKey, RequestSummary]:
    return {RequestKey(name, method): _summary(summary) for name, method, summary in data}


def _summary(data: Mapping[str, Any]) -> RequestSummary:
    service = data["service_latency"]
    histograms = {
        "latency": Histogram.from_dict(data["latency"]),
        "service_latency": None if service is None else Histogram.from_dict(service),
    }
    return RequestSummary(**{**data, **histograms})


def _scheduled(data: list[Any]) -> tuple[ScheduledRequests, ...]:
    return tuple(ScheduledRequests(each["t"], _requests(each["requests"])) for each in data)


def _arrivals(data: Mapping[str, Any] | None) -> ArrivalSummary | None:
    if data is None:
        return None
    histograms = {name: Histogram.from_dict(data[name]) for name in ("lag", "wait")}
    return ArrivalSummary(**{**data, **histograms})


def _trial(data: Mapping[str, Any]) -> RunTrial:
    return RunTrial(**{**data, "load": _load(data["load"]), "share": _share(data["share"])})


def _share(data: Mapping[str, int] | None) -> WorkerShare | None:
    return None if data is None else WorkerShare(**data)


def _worker_start(data: Mapping[str, Any]) -> WorkerStart:
    return WorkerStart(**{**data, "cores": tuple(data["cores"])})


def _worker_frame(data: Mapping[str, Any]) -> WorkerFrame:
    lateness, lag = tuple(data["ticker_lateness"]), Histogram.from_dict(data["lag"])
    return WorkerFrame(**{**data, "ticker_lateness": lateness, "lag": lag})


_READERS: dict[str, Callable[[Any], Any]] = {  # by field, for those that are no plain value
    "load": _load,
    "trial": _trial,
    "requests": _requests,
    "by_scheduled_time": _scheduled,
    "arrivals": _arrivals,
    "unfinished": lambda data: UnfinishedArrivals(**data),
    "ticker_lateness": tuple,
    "user_classes": tuple,
    "share": _share,
    "passed": tuple,
    "names": tuple,
    "workers": lambda data: tuple(map(_worker_start, data)),
    "by_worker": lambda data: tuple(map(_worker_frame, data)),
    "worker_ends": lambda data: tuple(WorkerEnd(**each) for each in data),
}
