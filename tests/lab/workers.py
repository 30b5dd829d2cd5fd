"""Made-up workers of a trial, and the messages of their driver."""

from __future__ import annotations

from collections.abc import Iterable

from lab.driver_messages import (
    ArrivalSummary,
    Frame,
    Opened,
    WorkerEnd,
    WorkerFrame,
    WorkerStart,
)
from lab.stats.latency_histogram import Histogram
from lab.trials.worker_records import FleetRecord, WorkerRecord


def histogram(*seconds: float) -> Histogram:
    """Of these values."""
    made = Histogram()
    made.add_many(seconds)
    return made


def worker(number: int, **changes: object) -> WorkerRecord:
    """A sound worker of four, with a quarter of 50 users."""
    usual: dict[str, object] = {
        "name": f"worker {number}",
        "place": f"process {4710 + number}",
        "machine": "here",
        "cores": (0,),
        "users": 13 if number <= 2 else 12,
        "requests": 100,
        "ticker_late_p99_s": 0.0005,
        "cpu": 0.1,
        "cpu_peak": 0.2,
    }
    return WorkerRecord(**{**usual, **changes})  # type: ignore[arg-type]


def fleet(*workers: WorkerRecord, cpu_peak: float = 0.6) -> FleetRecord:
    """Four sound workers, some of them replaced by these."""
    usual = {f"worker {number}": worker(number) for number in range(1, 5)}
    usual |= {each.name: each for each in workers}
    return FleetRecord(tuple(usual.values()), cpu=cpu_peak / 2, cpu_peak=cpu_peak)


def opened(count: int = 2, **changes: object) -> Opened:
    """The begin of a load of 10 users."""
    starts = [
        WorkerStart(
            **{  # type: ignore[arg-type]
                "name": f"worker {number}",
                "place": f"process {4710 + number}",
                "users": 10 // count,
                "machine": "here",
                "cores": (0,),
                "clock_offset_s": 0.0,
                "clock_error_s": 0.0,
                "begin_late_s": 0.001 * number,
                **changes,
            }
        )
        for number in range(1, count + 1)
    ]
    return Opened(started=0.0, opens=0.0, closes=3.0, workers=tuple(starts))


def frame(
    t: float, parts: Iterable[WorkerFrame], *, in_window: bool = True, is_open: bool = False
) -> Frame:
    """A frame of these parts."""
    parts = tuple(parts)
    return Frame(
        t=t,
        in_window=in_window,
        users=sum(part.users for part in parts),
        driver_cpu=max(part.driver_cpu or 0.0 for part in parts),
        arrivals=ArrivalSummary(0, 0) if is_open else None,
        by_worker=parts,
    )


def part(number: int, ended: int = 20, **changes: object) -> WorkerFrame:
    """What a worker did in a frame."""
    usual: dict[str, object] = {"users": 5, "driver_cpu": 0.25, "ticker_lateness": (0.001,) * 10}
    return WorkerFrame(name=f"worker {number}", ended=ended, **{**usual, **changes})  # type: ignore[arg-type]


def end(number: int, **changes: object) -> WorkerEnd:
    """How a worker ended."""
    usual: dict[str, object] = {"drained": True, "ended_late": 0}
    return WorkerEnd(name=f"worker {number}", **{**usual, **changes})  # type: ignore[arg-type]
