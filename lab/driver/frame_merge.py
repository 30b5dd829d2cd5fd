"""What several workers report of a trial becomes what one driver would have reported.

Counts are added, and histograms merged without loss: all have the same buckets. Workers begin at
the same moment, so that their frames have the same edges; what does not fit is an error, by name.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from lab.driver_messages import (
    ArrivalSummary,
    Closed,
    Frame,
    Opened,
    RequestKey,
    RequestSummary,
    ScheduledRequests,
    UnfinishedArrivals,
    WorkerEnd,
    WorkerFrame,
    WorkerStart,
)
from lab.stats.latency_histogram import Histogram
from lab.stats.nearest_rank import quantile

_EDGE_S = 1e-6  # precision of the ends of frames
Recorded = Frame | Closed
Key = TypeVar("Key")


class MergeError(ValueError):
    """A report of a worker that does not fit those of the others.

    Attributes:
        worker: Its name.
        clause: What is wrong with it, as a clause about the worker.
    """

    def __init__(self, worker: str, clause: str) -> None:
        super().__init__(f"{worker} {clause}")
        self.worker, self.clause = worker, clause


class Processes(NamedTuple):
    """Processor time of some processes that share cores of a machine."""

    machine: str
    cores: tuple[int, ...]
    used: float  # in cores


class ReportNumbers:
    """Numbers of one worker's reports of a trial, from 0 on, each once."""

    def __init__(self) -> None:
        self._next = 0

    def flaw(self, number: int) -> str | None:
        """What is wrong with a report of this number, as a clause; None if it is the next one."""
        expected, self._next = self._next, max(self._next, number + 1)
        if number == expected:
            return None
        if number < expected:
            return f"sent its report {number} of this trial twice"
        return f"lost {number - expected} of its reports of this trial, from number {expected} on"


def merge_opened(
    opened: Sequence[Opened], workers: Sequence[WorkerStart], started: float
) -> Opened:
    """The start of a load.

    Args:
        opened: Of each worker, in the time of its own clock.
        workers: The same workers.
        started: When all of them were to begin, monotonic seconds of this process.
    """
    first = opened[0]
    return Opened(
        started=started,
        opens=started + (first.opens - first.started),
        closes=started + (first.closes - first.started),
        errors=_added(each.errors for each in opened),
        late_s=max(each.late_s for each in opened),
        workers=tuple(workers),
    )


def merge_frames(
    frames: Sequence[Frame], workers: Sequence[WorkerStart], beside: Sequence[Processes] = ()
) -> Frame:
    """A frame of all workers; MergeError if theirs end at different moments.

    Args:
        frames: Of each worker, the same frame.
        workers: The same workers.
        beside: Other processes of the driver.
    """
    first = frames[0]
    for frame, worker in zip(frames, workers, strict=True):
        if abs(frame.t - first.t) > _EDGE_S or frame.in_window != first.in_window:
            raise MergeError(
                worker.name,
                f"reported the time until {frame.t:g} s, and {workers[0].name} that until "
                f"{first.t:g} s",
            )
    by_worker = tuple(map(_own_part, frames, workers))
    used = [
        Processes(worker.machine, worker.cores, frame.driver_cpu)
        for frame, worker in zip(frames, workers, strict=True)
        if frame.driver_cpu is not None
    ]
    return Frame(
        t=first.t,
        in_window=first.in_window,
        users=sum(frame.users for frame in frames),
        ticker_lateness=max(
            (frame.ticker_lateness for frame in frames), key=lambda each: quantile(each, 0.99) or 0
        ),
        driver_cpu=busiest(used, beside) if used else None,
        arrivals=_merge_arrivals(frames, workers),
        by_worker=by_worker,
        **_recorded(frames, [worker.name for worker in workers]),
    )


def left_out(unmerged: Mapping[str, Sequence[Frame]]) -> dict[str, str]:
    """Workers that ended without a frame that others have reported: what is wrong, as clauses.

    Args:
        unmerged: By the worker's name, its frames that could not be merged.
    """
    ends = [frames[0].t for frames in unmerged.values() if frames]
    if not ends:
        return {}
    clause = f"left out the time until {min(ends):g} s, which others reported"
    return {name: clause for name, frames in unmerged.items() if not frames}


def merge_closed(
    closed: Mapping[str, Closed], faults: Mapping[str, str], places: Mapping[str, str]
) -> Closed:
    """The end of a trial.

    Args:
        closed: By the worker's name; one that was lost has none.
        faults: Why the trial is void, by the worker on whose account it is: a clause about it.
        places: Of all workers.
    """
    ends = []
    for name, place in places.items():
        own = closed.get(name)
        drained, late = (own.drained, own.ended_late) if own else (False, 0)
        ends.append(
            WorkerEnd(
                name=name,
                drained=drained,
                ended_late=late,
                place=place,
                fault=faults.get(name),
            )
        )
    messages = list(closed.values())
    parts = [message.unfinished for message in messages]
    return Closed(
        drained=all(end.drained for end in ends),
        early=bool(faults) or any(message.early for message in messages),
        unfinished=UnfinishedArrivals(
            waiting=sum(part.waiting for part in parts),
            undispatched=sum(part.undispatched for part in parts),
            unanswered=sum(part.unanswered for part in parts),
            without_request=sum(part.without_request for part in parts),
        ),
        ended_late=sum(message.ended_late for message in messages),
        worker_ends=tuple(ends),
        **_recorded(messages, list(closed)),
    )


def busiest(workers: Sequence[Processes], beside: Sequence[Processes] = ()) -> float:
    """Processor time in cores, of whatever is nearest to the limit of one.

    That is a worker alone, whose Python runs on one core at a time, or all processes that may run
    on the same cores, for each of these.
    """
    shared: dict[tuple[str, tuple[int, ...]], float] = defaultdict(float)
    for each in (*workers, *beside):
        shared[each.machine, each.cores] += each.used
    per_core = (used / max(len(cores), 1) for (_, cores), used in shared.items())
    return max((*per_core, *(each.used for each in workers)))


def merge_requests(
    groups: Iterable[Mapping[RequestKey, RequestSummary]],
) -> dict[RequestKey, RequestSummary]:
    """The requests of all groups, by name and method."""
    found: dict[RequestKey, list[RequestSummary]] = defaultdict(list)
    for group in groups:
        for key, summary in group.items():
            found[key].append(summary)
    return {key: _merge_summaries(found[key]) for key in found}


def _merge_summaries(parts: Sequence[RequestSummary]) -> RequestSummary:
    service = None
    if any(part.service_latency is not None for part in parts):
        service = _merged(
            part.latency if part.service_latency is None else part.service_latency for part in parts
        )
    return RequestSummary(
        count=sum(part.count for part in parts),
        errors=sum(part.errors for part in parts),
        latency=_merged(part.latency for part in parts),
        socket_errors=sum(part.socket_errors for part in parts),
        service_latency=service,
    )


def _own_part(frame: Frame, worker: WorkerStart) -> WorkerFrame:
    arrivals = frame.arrivals or ArrivalSummary(0, 0)
    return WorkerFrame(
        name=worker.name,
        users=frame.users,
        ended=sum(each.count for each in frame.requests.values()),
        ticker_lateness=frame.ticker_lateness,
        driver_cpu=frame.driver_cpu,
        scheduled=arrivals.scheduled,
        sent=arrivals.sent,
        lag=arrivals.lag,
    )


def _recorded(messages: Sequence[Recorded], names: Sequence[str]) -> dict[str, Any]:
    """The fields of `RecordedRequests`."""
    by_frame: dict[float, list[Mapping[RequestKey, RequestSummary]]] = defaultdict(list)
    for message in messages:
        for group in message.by_scheduled_time:
            by_frame[group.t].append(group.requests)
    arm = [each.arm_requests for each in messages if each.arm_requests is not None]
    return {
        "requests": merge_requests(each.requests for each in messages),
        "by_scheduled_time": tuple(
            ScheduledRequests(t, merge_requests(by_frame[t])) for t in sorted(by_frame)
        ),
        "errors": _added(each.errors for each in messages),
        "task_errors": _named({n: e.task_errors for n, e in zip(names, messages, strict=True)}),
        "arm_requests": sum(arm) if arm else None,
        "foreign_hosts": _added(each.foreign_hosts for each in messages),
    }


def _named(faults: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Faults of the scenario; one that not all workers report names those that do."""
    found: Counter[str] = Counter()
    reporting: dict[str, list[str]] = defaultdict(list)
    for name, own in faults.items():
        for text, count in own.items():
            found[text] += count
            reporting[text].append(name)
    return {
        text
        if len(reporting[text]) == len(faults)
        else f"{text} in {', '.join(reporting[text])}": count
        for text, count in found.items()
    }


def _merge_arrivals(
    frames: Sequence[Frame], workers: Sequence[WorkerStart]
) -> ArrivalSummary | None:
    parts = [frame.arrivals for frame in frames if frame.arrivals is not None]
    if not parts:
        return None
    for frame, worker in zip(frames, workers, strict=True):
        if frame.arrivals is None:
            raise MergeError(worker.name, "reported no arrivals, and only some of the others did")
    return ArrivalSummary(
        scheduled=sum(part.scheduled for part in parts),
        sent=sum(part.sent for part in parts),
        lag=_merged(part.lag for part in parts),
        wait=_merged(part.wait for part in parts),
        under_way_s=sum(part.under_way_s for part in parts),
    )


def _merged(histograms: Iterable[Histogram]) -> Histogram:
    total = Histogram()
    for each in histograms:
        total.merge(each)
    return total


def _added(counts: Iterable[Mapping[Key, int]]) -> dict[Key, int]:
    total: Counter[Key] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)
