"""The record of the workers of one trial, built from the driver's messages."""

from __future__ import annotations

from dataclasses import dataclass, field

from lab.driver_messages import Closed, Frame, Opened, WorkerEnd, WorkerStart
from lab.stats.latency_histogram import Histogram
from lab.trials.worker_records import FleetRecord, WorkerRecord


@dataclass
class _Seen:
    """What has been seen of one worker within the window."""

    start: WorkerStart
    end: WorkerEnd | None = None
    requests: int = 0
    scheduled: int = 0
    sent: int = 0
    is_open: bool = False
    ticker: Histogram = field(default_factory=Histogram)
    lag: Histogram = field(default_factory=Histogram)
    cpu: _Cores = field(default_factory=lambda: _Cores())

    def record(self) -> WorkerRecord:
        return WorkerRecord(
            name=self.start.name,
            place=self.start.place,
            machine=self.start.machine,
            cores=self.start.cores,
            users=self.start.users,
            requests=self.requests,
            ended_late=self.end.ended_late if self.end else 0,
            scheduled=self.scheduled,
            sent=self.sent,
            ticker_late_p99_s=self.ticker.quantile(0.99, beyond=0) or 0.0,
            lag=self.lag if self.is_open else None,
            cpu=self.cpu.mean,
            cpu_peak=self.cpu.peak,
            clock_offset_s=self.start.clock_offset_s,
            clock_error_s=self.start.clock_error_s,
            begin_late_s=self.start.begin_late_s,
            drained=self.end.drained if self.end else True,
            fault=self.end.fault if self.end else None,
        )


@dataclass
class _Cores:
    """Cores that were used, frame by frame."""

    used_s: float = 0.0
    passed_s: float = 0.0
    peak: float | None = None

    def add(self, cores: float | None, length_s: float) -> None:
        if cores is None:
            return
        self.used_s += cores * length_s
        self.passed_s += length_s
        self.peak = max(cores, self.peak or 0.0)

    @property
    def mean(self) -> float | None:
        return self.used_s / self.passed_s if self.passed_s else None


class FleetBuilder:
    """Adds up what the workers of one trial report; a load of one process has none."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._lost_before: list[WorkerEnd] = []  # the load began
        self._cpu = _Cores()

    def open(self, opened: Opened) -> None:
        """Note who the workers are."""
        self._seen = {start.name: _Seen(start) for start in opened.workers}
        self._cpu = _Cores()

    def add(self, frame: Frame, length_s: float) -> None:
        """Add a frame of the window."""
        if not self._seen:
            return
        self._cpu.add(frame.driver_cpu, length_s)
        for part in frame.by_worker:
            seen = self._seen[part.name]
            seen.is_open |= frame.arrivals is not None
            seen.requests += part.ended
            seen.scheduled += part.scheduled
            seen.sent += part.sent
            seen.ticker.add_many(part.ticker_lateness)
            seen.lag.merge(part.lag)
            seen.cpu.add(part.driver_cpu, length_s)

    def close(self, closed: Closed) -> None:
        """Note how the workers ended."""
        for end in closed.worker_ends:
            if end.name in self._seen:
                self._seen[end.name].end = end
            elif end.fault is not None:
                self._lost_before.append(end)

    def record(self) -> FleetRecord | None:
        """All that was added; None if a single process made the load."""
        if not self._seen and not self._lost_before:
            return None
        lost = [
            WorkerRecord(end.name, "before the load began", fault=end.fault)
            for end in self._lost_before
        ]
        workers = (*(seen.record() for seen in self._seen.values()), *lost)
        return FleetRecord(workers, self._cpu.mean, self._cpu.peak)
