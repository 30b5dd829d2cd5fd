"""Gates of a load that several workers share: all take part, begin together, know their clocks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from lab.decision_margins import GateLimits
from lab.gates.gate_check import Check
from lab.hypothesis import ClosedLoad, OpenLoad
from lab.trials.plan import PlannedWorkers
from lab.trials.trial import ServiceEvidence, Trial
from lab.trials.worker_records import FleetRecord, WorkerRecord

_SHOWN = 3  # flaws that a message lists
_ROUNDING = 1e-6  # of sums of processor times, cores


def checks(
    trial: Trial,
    planned: PlannedWorkers | None,
    load: ClosedLoad | OpenLoad,
    limits: GateLimits,
) -> Iterator[Check]:
    """The checks of one trial; none if a single process makes the load.

    Args:
        trial: Of a load or a soak.
        planned: The workers of the plan.
        load: Of the trial.
        limits: Of the plan.
    """
    fleet = trial.service.fleet
    if planned is None or (fleet is None and trial.faults):  # what came before is the reason
        return
    if any(fault.gate == "workers" for fault in trial.faults):  # of a soak
        return
    yield _workers(fleet, planned, load)
    if fleet is None or not fleet.workers:
        return
    yield _clock(fleet, trial.window_s, limits)
    yield _begin(fleet, limits)


def _workers(
    fleet: FleetRecord | None, planned: PlannedWorkers, load: ClosedLoad | OpenLoad
) -> Check:
    """Whether all took part to the end, with all that is theirs to do."""
    workers = () if fleet is None else fleet.workers
    flaws = [f"{worker} {flaw}" for worker in workers if (flaw := _flaw(worker)) is not None]
    users = sum(worker.users for worker in workers)
    if not flaws and len(workers) != planned.total:
        flaws.append(f"{len(workers)} of {planned.total} workers took part")
    elif not flaws and isinstance(load, ClosedLoad) and users != load.users:
        flaws.append(f"they had {users} users together, not {load.users}")
    more = f" (and {len(flaws) - _SHOWN} more)" if len(flaws) > _SHOWN else ""
    return Check(
        "workers",
        len(flaws),
        0,
        f"Of the workers that share the load: {'; '.join(flaws[:_SHOWN])}{more}.",
    )


def _flaw(worker: WorkerRecord) -> str | None:
    """What is wrong with a worker, or what it did not do, as a clause; None if nothing is."""
    if worker.fault is not None:
        return worker.fault
    if worker.is_silent:
        return "sent no request"
    if worker.lag is not None and worker.scheduled and not worker.lag.count:
        return f"sent none of its {worker.scheduled} arrivals"  # so its lateness is unknown
    return None


def _clock(fleet: FleetRecord, window_s: float, limits: GateLimits) -> Check:
    worker = worst(fleet, lambda each: each.clock_error_s)
    limit = min(limits.max_clock_error_s, limits.max_clock_error_share * window_s)
    return Check(
        "clock",
        worker.clock_error_s,
        limit,
        f"The clock of {worker} is known to {worker.clock_error_s * 1000:.1f} ms only (limit "
        f"{limit * 1000:.1f} ms), and so are the edges of its window. Use a machine with a "
        "shorter way to this one, or a longer window.",
    )


def _begin(fleet: FleetRecord, limits: GateLimits) -> Check:
    worker = worst(fleet, lambda each: each.begin_late_s)
    limit = limits.max_begin_late_s
    return Check(
        "begin_late",
        worker.begin_late_s,
        limit,
        f"The load of {worker} began {worker.begin_late_s * 1000:.0f} ms later than agreed (limit "
        f"{limit * 1000:.0f} ms): its machine was busy, or the message came late.",
    )


def worst(fleet: FleetRecord, figure: Callable[[WorkerRecord], float]) -> WorkerRecord:
    """The worker with the highest figure; `fleet` has one at least."""
    return max(fleet.workers, key=figure)


def ticker_late(evidence: ServiceEvidence) -> tuple[str, float]:
    """Whose ticker was latest, in words that begin a sentence, and by how many seconds at p99."""
    if evidence.fleet is None or not evidence.fleet.workers:
        return "The load driver itself", evidence.ticker_late_p99_s
    worker = worst(evidence.fleet, lambda each: each.ticker_late_p99_s)
    return f"Of the load driver, {worker}", worker.ticker_late_p99_s


def dispatch_late(
    fleet: FleetRecord, quantile: float, beyond: int
) -> tuple[WorkerRecord, float] | None:
    """Who dispatched arrivals latest, and by how many seconds at a quantile.

    Args:
        fleet: The workers. One with too few arrivals for the quantile is left out.
        quantile: Between 0 and 1.
        beyond: Arrivals required beyond it.

    Returns:
        None if every worker has too few.
    """
    late = [
        (worker, seconds)
        for worker in fleet.workers
        if worker.lag is not None
        if (seconds := worker.lag.quantile(quantile, beyond)) is not None
    ]
    return max(late, key=lambda each: each[1], default=None)


def not_ended(fleet: FleetRecord) -> str:
    """Whose users did not end, as a further sentence; empty if that is known of none."""
    names = [str(each) for each in fleet.workers if not each.drained and each.fault is None]
    if not names:
        return ""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f" Those of {', '.join(names[:_SHOWN])}{more} did not end."


def busiest(fleet: FleetRecord, used: float, figure: Callable[[WorkerRecord], float | None]) -> str:
    """The cores that were busiest, in words: those of workers, or of the master.

    Args:
        fleet: The workers.
        used: Cores that were used there, as `FleetRecord.cpu` and `cpu_peak` count them.
        figure: Cores that a worker used, likewise; None if it does not measure that.
    """
    if not fleet.workers:
        return "its core"
    sharing: dict[tuple[str, tuple[int, ...]], list[WorkerRecord]] = defaultdict(list)
    for worker in fleet.workers:
        sharing[worker.machine, worker.cores].append(worker)

    def own(worker: WorkerRecord) -> float:
        return figure(worker) or 0.0

    def of_all(group: Sequence[WorkerRecord]) -> float:
        """Theirs together for each core, or of one alone; peaks may be of different seconds."""
        each = [own(worker) for worker in group]
        return max(sum(each) / max(len(group[0].cores), 1), *each)

    group = max(sharing.values(), key=of_all)
    if used > of_all(group) + _ROUNDING:  # no workers account for it: the master was there
        beside_master = [each for each in sharing.values() if any(one.is_local for one in each)]
        if not beside_master:
            return "the cores of the master, which merges what the workers report"
        group = beside_master[0]
    beside = f" and the {len(group) - 1} beside it" if len(group) > 1 else ""
    return f"the cores of {max(group, key=own)}{beside}"
