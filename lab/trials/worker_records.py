"""What each worker of a trial did, if several share its load, and its form on disk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from typing import Any

from lab.stats.latency_histogram import Histogram


@dataclass(frozen=True)
class WorkerRecord:
    """One worker of a trial; figures are those of the window.

    Attributes:
        name: As `worker 2`.
        place: Its process, and its machine with the address if that is another one.
        machine: The same for workers of one machine.
        cores: Of that machine, on which it may run.
        users: Its share of a closed load; of an open load, those that were connected.
        requests: That ended.
        ended_late: Requests that ended after the window.
        scheduled: Arrivals of an open load.
        sent: Arrivals that were sent.
        ticker_late_p99_s: How late its ticker ran.
        lag: Seconds from schedule to dispatch; None for a closed load.
        cpu: Cores that it used, mean; None if it does not measure that.
        cpu_peak: The same in its busiest second.
        clock_offset_s: Its monotonic clock minus that of the driver; 0 if they share one.
        clock_error_s: By which that may be wrong, and so the edges of its window.
        begin_late_s: How much later than agreed its load began.
        drained: Whether all its users ended in time after the window.
        fault: Why the trial is void on its account, as a clause; None if it is not.
    """

    name: str
    place: str
    machine: str = ""
    cores: tuple[int, ...] = ()
    users: int = 0
    requests: int = 0
    ended_late: int = 0
    scheduled: int = 0
    sent: int = 0
    ticker_late_p99_s: float = 0.0
    lag: Histogram | None = None
    cpu: float | None = None
    cpu_peak: float | None = None
    clock_offset_s: float = 0.0
    clock_error_s: float = 0.0
    begin_late_s: float = 0.0
    drained: bool = True  # a run of before does not say it
    fault: str | None = None

    def __str__(self) -> str:
        return f"{self.name} ({self.place})"

    @property
    def is_local(self) -> bool:
        """Whether the driver has started it, on its own cores: `place` of others has a machine."""
        return self.place.startswith("process ")

    @property
    def is_silent(self) -> bool:
        """Whether it did nothing at all: neither sent an arrival nor ended a request."""
        return not (self.requests or self.ended_late or self.sent)


@dataclass(frozen=True)
class FleetRecord:
    """The workers of a trial.

    Attributes:
        workers: In the order of their shares.
        cpu: Cores of the busiest worker, or of all that share cores (the master among them) for
            each of these cores, whichever is more; mean. In a soak these are the workers of all
            arms. None if no worker measures it.
        cpu_peak: The same in the busiest second.
    """

    workers: tuple[WorkerRecord, ...]
    cpu: float | None = None
    cpu_peak: float | None = None

    @property
    def clock_error_s(self) -> float:
        """By which the edges of a worker's window may be wrong, at most."""
        return max((worker.clock_error_s for worker in self.workers), default=0.0)

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        workers = [
            {**asdict(replace(each, lag=None)), "lag": each.lag and each.lag.as_dict()}
            for each in self.workers
        ]
        return {"workers": workers, "cpu": self.cpu, "cpu_peak": self.cpu_peak}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FleetRecord:
        """The inverse of `as_dict`. KeyError or TypeError for what is no such record."""
        return cls(tuple(map(_worker, data["workers"])), data["cpu"], data["cpu_peak"])


def over_both(
    earlier: FleetRecord, later: FleetRecord, earlier_s: float, later_s: float
) -> FleetRecord:
    """Two segments of one trial together; workers are known by their names.

    Args:
        earlier: Of all segments before.
        later: Of the latest one, whose places hold.
        earlier_s: Seconds that all segments before lasted.
        later_s: Seconds that the latest one lasted.
    """

    def mean(before: float | None, now: float | None) -> float | None:
        if before is None or now is None:
            return before if now is None else now
        return (before * earlier_s + now * later_s) / ((earlier_s + later_s) or 1.0)

    known = {worker.name: worker for worker in earlier.workers}
    workers = [
        worker
        if (before := known.get(worker.name)) is None
        else replace(_both(before, worker), cpu=mean(before.cpu, worker.cpu))
        for worker in later.workers
    ]
    return FleetRecord(
        tuple(workers),
        mean(earlier.cpu, later.cpu),
        _highest((earlier.cpu_peak, later.cpu_peak)),
    )


def on_shared_cores(fleet: FleetRecord, side_by_side: Sequence[FleetRecord]) -> FleetRecord:
    """A fleet whose `cpu` is that of all workers on the cores that it shares with others.

    Args:
        fleet: Of one arm of a soak.
        side_by_side: Of all arms, `fleet` included: they make their loads at the same time.
    """
    used: dict[tuple[str, tuple[int, ...]], float] = defaultdict(float)
    for worker in chain.from_iterable(each.workers for each in side_by_side):
        used[worker.machine, worker.cores] += worker.cpu or 0.0
    own = {(worker.machine, worker.cores) for worker in fleet.workers}
    per_core = [used[machine, cores] / max(len(cores), 1) for machine, cores in own]
    return fleet if fleet.cpu is None else replace(fleet, cpu=max((fleet.cpu, *per_core)))


def within_block(first: FleetRecord, later: FleetRecord) -> FleetRecord:
    """The workers of a later trial, with a fault of each that is elsewhere than in the first one.

    What different machines have loaded is not comparable. A process that was started again on the
    same cores of the same machine is the same worker.

    Args:
        first: Of the first trial of the block.
        later: Of any other; workers are known by their names.
    """
    known = {worker.name: worker for worker in first.workers}
    workers = [_compared(known.get(worker.name, worker), worker) for worker in later.workers]
    return replace(later, workers=tuple(workers))


def _compared(first: WorkerRecord, later: WorkerRecord) -> WorkerRecord:
    if later.fault or (later.machine, later.cores) == (first.machine, first.cores):
        return later
    where = "on other cores" if later.machine == first.machine else "on another machine"
    fault = f"has replaced one {where} ({first.place}) within the block"
    return replace(later, fault=fault)


def _both(earlier: WorkerRecord, later: WorkerRecord) -> WorkerRecord:
    lag = None if later.lag is None else Histogram()
    for part in (earlier.lag, later.lag):
        if lag is not None and part is not None:
            lag.merge(part)
    return replace(
        later,
        requests=earlier.requests + later.requests,
        ended_late=earlier.ended_late + later.ended_late,
        scheduled=earlier.scheduled + later.scheduled,
        sent=earlier.sent + later.sent,
        ticker_late_p99_s=max(earlier.ticker_late_p99_s, later.ticker_late_p99_s),
        lag=lag,
        cpu_peak=_highest((earlier.cpu_peak, later.cpu_peak)),
        clock_error_s=max(earlier.clock_error_s, later.clock_error_s),
        begin_late_s=max(earlier.begin_late_s, later.begin_late_s),
        drained=earlier.drained and later.drained,
        fault=earlier.fault or later.fault,
    )


def _highest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _worker(data: Mapping[str, Any]) -> WorkerRecord:
    lag = data["lag"]
    lag = None if lag is None else Histogram.from_dict(lag)
    return WorkerRecord(**{**data, "cores": tuple(data["cores"]), "lag": lag})
