"""What used the cores of the run and is not the run's own, between samples.

On cores that processes of the run are kept on, others used what these cores were busy with, less
what the processes of the run used, which can run nowhere else. A process of the run that is kept on
no cores of its own makes all cores count: on fewer the difference would be wrong.
"""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from statistics import fmean

from lab.instruments.instrument_interfaces import BackgroundLoad
from lab.instruments.process_sampler import ProcessSample
from lab.processor_time import CoreTime
from lab.trial import OtherProcess, Surroundings

Span = tuple[ProcessSample, ProcessSample]

MIN_NAMED = 0.02  # cores, of a process that is named
MAX_NAMED = 3


def background_over(samples: Sequence[ProcessSample]) -> BackgroundLoad:
    """The load between the first and the last sample; nothing if there are fewer than two."""
    return background_of([(samples[0], samples[-1])] if len(samples) > 1 else [], samples)


def background_of(spans: Sequence[Span], samples: Sequence[ProcessSample] = ()) -> BackgroundLoad:
    """The load over several spans together.

    Args:
        spans: Each between two samples.
        samples: Others within the spans, which show where a process ran.
    """
    total_s = sum(last.at - first.at for first, last in spans)
    if not total_s:
        return BackgroundLoad(0.0, 0.0)
    ends = [sample for span in spans for sample in span]
    cores = frozenset().union(*(kept_on for sample in ends for kept_on in sample.own_s))
    cores = cores.intersection(*(sample.cores for sample in ends))
    steal_s = _grown(spans, cores, lambda core: core.steal_s)
    own_s = sum(sum(last.own_s.values()) - sum(first.own_s.values()) for first, last in spans)
    others_s = _grown(spans, cores, lambda core: core.busy_s) - own_s
    return BackgroundLoad(
        max(0.0, others_s / total_s),
        max(0.0, steal_s / total_s / max(len(cores), 1)),
        Surroundings(
            cores=tuple(sorted(cores)),
            spare=tuple(sorted(ends[-1].cores.keys() - cores)),
            roaming=ends[-1].roaming if len(cores) > 1 else (),
            processes=_processes(spans, samples or ends, cores, total_s),
        ),
    )


def _grown(
    spans: Sequence[Span], cores: frozenset[int], read: Callable[[CoreTime], float]
) -> float:
    return sum(
        read(last.cores[core]) - read(first.cores[core]) for first, last in spans for core in cores
    )


def _processes(
    spans: Sequence[Span],
    samples: Sequence[ProcessSample],
    cores: frozenset[int],
    total_s: float,
) -> tuple[OtherProcess, ...]:
    """The processes that used most of these cores, most first."""
    used_s: defaultdict[int, float] = defaultdict(float)
    for first, last in spans:
        for pid, now in last.others.items():
            before = first.others.get(pid)
            is_same = before is not None and before.started == now.started
            used_s[pid] += now.cpu_s - (before.cpu_s if before and is_same else 0.0)
    latest = {pid: each for sample in samples for pid, each in sample.others.items()}
    of_run = samples[-1].of_run
    found = []
    for pid, seconds in used_s.items():
        if seconds / total_s < MIN_NAMED:
            continue
        seen_on = [sample.others[pid].core for sample in samples if pid in sample.others]
        share, on = _within(pid, seen_on, cores)
        if share * seconds / total_s >= MIN_NAMED:
            name = latest[pid].name
            found.append(OtherProcess(pid, name, share * seconds / total_s, on, pid in of_run))
    found.sort(key=lambda each: -each.cpu)
    return tuple(found[:MAX_NAMED])


def _within(
    pid: int, seen_on: Sequence[int], cores: frozenset[int]
) -> tuple[float, tuple[int, ...]]:
    """The share of a process's time that it spent on these cores, and on which of them.

    It is exact for a process that is kept on these cores, or on none of them. Of any other it is
    the share of samples that saw it there.
    """
    with contextlib.suppress(OSError):  # it has ended
        kept_on = os.sched_getaffinity(pid)
        if kept_on <= cores and len(kept_on) < len(cores):
            return 1.0, tuple(sorted(kept_on))
        if not kept_on & cores:
            return 0.0, ()
    share = fmean(core in cores for core in seen_on)
    return share, tuple(sorted(set(seen_on) & cores))
