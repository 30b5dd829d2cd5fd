"""Samples what processes use, by role, and the time of cores and of all other processes."""

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
from lab.instruments.instrument_interfaces import Roles
from lab.machine.processor_time import CoreTime, ProcessTime, core_times, process_times
from lab.processes.process_tree import children_by_parent, with_descendants
from lab.stats.nearest_rank import quantile
from lab.trials.trial import Usage

_MIN_INTERVAL_S = 0.5  # between two samples, for a rate: CPU time has a resolution of 10 ms


@dataclass(frozen=True)
class ProcessSample:
    """One moment. CPU seconds are counted since the start of a process or of the machine."""

    at: float  # monotonic seconds
    cpu_s: Mapping[str, float]
    rss_bytes: Mapping[str, float | None]  # None if the system denies access
    descriptors: Mapping[str, float | None]
    threads: Mapping[str, float | None]
    # CPU seconds of the roles and of the lab itself, by the cores that they are kept on; the cores
    # that are watched beside them have none
    own_s: Mapping[frozenset[int], float]
    cores: Mapping[int, CoreTime]  # of the whole machine
    others: Mapping[int, ProcessTime]  # processes that are neither of the roles nor the lab itself
    of_run: frozenset[int]  # which of them the lab has started, as other arms that should be idle
    roaming: tuple[str, ...]  # roles that are kept on no cores of their own
    periods: Mapping[str, CpuPeriods | None]


@dataclass
class ProcessSampler:
    """Samples the processes of some roles, and keeps the samples.

    Attributes:
        roles: Whose processes.
        watched: Cores that count beside those of these processes and of the lab itself.
        samples: So far, in order.
        members: Ids of the processes of each role at the latest sample, descendants included.
    """

    roles: Roles
    watched: tuple[int, ...] = ()
    samples: list[ProcessSample] = field(default_factory=list)
    members: Mapping[str, list[int]] = field(default_factory=dict)

    def sample(self) -> ProcessSample:
        """Sample now.

        The CPU time of a role includes children that have ended (their time passes to the parent),
        so that short-lived workers of a database are not lost.
        """
        seen = process_times()
        family = children_by_parent(seen)
        self.members = members = {
            role: [pid for root in roots for pid in with_descendants(root, family)]
            for role, roots in self.roles.items()
        }
        # not every child of the lab: to the arm that is loaded, the others are background
        lab = os.getpid()
        used = {pid: _cpu_s(pid) for pid in (lab, *itertools.chain(*members.values()))}
        cpu = {role: sum(used[pid] for pid in pids) for role, pids in members.items()}
        rss, descriptors, threads = (
            {role: _level(pids, read) for role, pids in members.items()}
            for read in (_own_bytes, psutil.Process.num_fds, psutil.Process.num_threads)
        )
        periods = {role: cpu_periods(roots[0]) for role, roots in self.roles.items()}
        cores = core_times()
        sample = ProcessSample(
            at=time.monotonic(),
            cpu_s=cpu,
            rss_bytes=rss,
            descriptors=descriptors,
            threads=threads,
            own_s=_by_cores(used, frozenset(self.watched).intersection(cores)),
            cores=cores,
            others={pid: each for pid, each in seen.items() if pid not in used},
            of_run=frozenset(with_descendants(lab, family)) - used.keys(),
            roaming=tuple(role for role, pids in members.items() if _roams(pids, cores)),
            periods=periods,
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


def _by_cores(used_s: Mapping[int, float], watched: frozenset[int]) -> dict[frozenset[int], float]:
    """CPU seconds of processes, by the cores that they are kept on."""
    found = {watched: 0.0} if watched else {}
    for pid, seconds in used_s.items():
        with contextlib.suppress(OSError):
            cores = frozenset(os.sched_getaffinity(pid))
            found[cores] = found.get(cores, 0.0) + seconds
    return found


def _roams(pids: Iterable[int], cores: Iterable[int]) -> bool:
    """Whether one of these processes may run on any core."""
    for pid in pids:
        with contextlib.suppress(OSError):
            if os.sched_getaffinity(pid) >= set(cores):
                return True
    return False


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
