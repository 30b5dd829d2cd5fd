"""Samples what processes use, by role, and what the rest of the machine does (psutil)."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import psutil

from lab.driver_messages import TICK_S
from lab.instruments.cgroup_throttling import CpuPeriods, cpu_periods
from lab.instruments.instrument_interfaces import BackgroundLoad, Roles
from lab.stats.nearest_rank import quantile
from lab.trial import Usage

_MIN_INTERVAL_S = 0.5  # between two samples, for a rate: CPU time has a resolution of 10 ms


@dataclass(frozen=True)
class ProcessSample:
    """One moment. CPU seconds are counted since the start of a process or of the machine."""

    at: float  # monotonic seconds
    cpu_s: Mapping[str, float]
    rss_bytes: Mapping[str, float | None]  # None if the system denies access
    descriptors: Mapping[str, float | None]
    threads: Mapping[str, float | None]
    own_s: float  # CPU seconds of the roles and of the lab itself
    busy_s: float  # CPU seconds of all processes of the machine
    steal_s: float
    periods: Mapping[str, CpuPeriods | None]


@dataclass
class ProcessSampler:
    """Samples the processes of some roles, and keeps the samples."""

    roles: Roles
    samples: list[ProcessSample] = field(default_factory=list)

    def sample(self) -> ProcessSample:
        """Sample now.

        The CPU time of a role includes children that have ended (their time passes to the parent),
        so that short-lived workers of a database are not lost.
        """
        family = _children_by_parent()
        members = {
            role: [pid for root in roots for pid in _with_descendants(root, family)]
            for role, roots in self.roles.items()
        }
        cpu = {role: sum(map(_cpu_s, pids)) for role, pids in members.items()}
        rss, descriptors, threads = (
            {role: _level(pids, read) for role, pids in members.items()}
            for read in (_own_bytes, psutil.Process.num_fds, psutil.Process.num_threads)
        )
        periods = {role: cpu_periods(roots[0]) for role, roots in self.roles.items()}
        times = psutil.cpu_times()
        # not of every child of the lab: to the arm that is loaded, the others are background
        own = sum(cpu.values()) + _cpu_s(os.getpid())
        busy = times.user + times.nice + times.system + times.irq + times.softirq
        sample = ProcessSample(
            time.monotonic(), cpu, rss, descriptors, threads, own, busy, times.steal, periods
        )
        self.samples.append(sample)
        return sample

    def latest(self) -> dict[str, dict[str, float | None]]:
        """Usage by role over the last interval, as plain JSON types."""
        if len(self.samples) < 2:
            return {}
        return {
            role: {
                "cpu": round(usage.cpu, 4),
                "rss_bytes": usage.rss_bytes,
                "descriptors": usage.descriptors,
                "threads": usage.threads,
                **({} if usage.throttled is None else {"throttled": round(usage.throttled, 4)}),
            }
            for role, usage in usage_over(self.samples[-2:]).items()
        }


def usage_over(samples: list[ProcessSample]) -> dict[str, Usage]:
    """Usage by role between the first and the last of these samples."""
    if len(samples) < 2:
        return {}
    return {
        role: Usage(
            cpu=_rate(samples[0], samples[-1], role),
            cpu_peak=max(_rate(a, b, role) for a, b in _long_enough(samples)),
            rss_bytes=_highest(sample.rss_bytes[role] for sample in samples),
            descriptors=_highest(sample.descriptors[role] for sample in samples),
            threads=_highest(sample.threads[role] for sample in samples),
            throttled=_throttled(samples[0], samples[-1], role),
        )
        for role in samples[0].cpu_s
    }


def _long_enough(samples: list[ProcessSample]) -> list[tuple[ProcessSample, ProcessSample]]:
    """Neighbouring samples that are far enough apart for a rate."""
    pairs = [(a, b) for a, b in itertools.pairwise(samples) if b.at - a.at >= _MIN_INTERVAL_S]
    return pairs or [(samples[0], samples[-1])]


def background_over(samples: list[ProcessSample]) -> BackgroundLoad:
    """Load of other processes and of the hypervisor between the first and the last sample."""
    if len(samples) < 2:
        return BackgroundLoad(0.0, 0.0)
    first, last = samples[0], samples[-1]
    span = last.at - first.at
    other_cpu = ((last.busy_s - first.busy_s) - (last.own_s - first.own_s)) / span
    steal = (last.steal_s - first.steal_s) / span / (psutil.cpu_count() or 1)
    return BackgroundLoad(max(0.0, other_cpu), max(0.0, steal))


def timer_lateness(seconds: float) -> float:
    """Lateness of a 10 ms timer of this process at p99, in seconds, sampled for so long."""
    lateness = []
    due = time.monotonic() + TICK_S
    for _ in range(int(seconds / TICK_S)):
        time.sleep(max(0.0, due - time.monotonic()))
        lateness.append(time.monotonic() - due)
        due += TICK_S
    return quantile(lateness, 0.99) or 0.0


def _throttled(a: ProcessSample, b: ProcessSample, role: str) -> float | None:
    before, after = a.periods[role], b.periods[role]
    if before is None or after is None:
        return None
    scheduled = after.scheduled - before.scheduled
    return (after.throttled - before.throttled) / scheduled if scheduled > 0 else 0.0


def _rate(a: ProcessSample, b: ProcessSample, role: str) -> float:
    return max(0.0, b.cpu_s[role] - a.cpu_s[role]) / max(b.at - a.at, 1e-9)


def _children_by_parent() -> dict[int, list[int]]:
    # psutil has a public way for one process at a time only, which reads all processes each time
    family: dict[int, list[int]] = {}
    for child, parent in psutil._psplatform.ppid_map().items():  # type: ignore[attr-defined]
        family.setdefault(parent, []).append(child)
    return family


def _with_descendants(root: int, family: Mapping[int, list[int]]) -> list[int]:
    found = [root]
    for pid in found:
        found.extend(family.get(pid, ()))
    return found


def _cpu_s(pid: int) -> float:
    with contextlib.suppress(psutil.Error):
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)
    return 0.0


def _own_bytes(process: psutil.Process) -> float:
    """Resident bytes without those that are shared with other processes."""
    memory = process.memory_info()
    return float(max(0, memory.rss - getattr(memory, "shared", 0)))


def _level(pids: list[int], read: Callable[[psutil.Process], float]) -> float | None:
    """Sum over the processes that still exist; None if access to one of them is denied."""
    total = 0.0
    for pid in pids:
        try:
            total += read(psutil.Process(pid))
        except psutil.AccessDenied:
            return None
        except psutil.Error:
            continue
    return total


def _highest(levels: Iterable[float | None]) -> float | None:
    seen = list(levels)
    known = [level for level in seen if level is not None]
    return max(known) if len(known) == len(seen) else None
