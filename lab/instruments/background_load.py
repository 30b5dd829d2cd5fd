"""What used the cores of the run and is not the run's own, between samples.

On cores that processes of the run are kept on, others used what these cores were busy with, less
what the processes of the run used, which can run nowhere else. A process of the run that is kept on
no cores of its own makes all cores count: on fewer the difference would be wrong.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple, Self

from lab.instruments.instrument_interfaces import BackgroundLoad
from lab.instruments.process_sampler import ProcessSample
from lab.machine.processor_time import CoreTime, since
from lab.trials.trial import OtherProcess, Surroundings

MIN_NAMED = 0.02  # cores, of a process that is named
MAX_NAMED = 3


class Span(NamedTuple):
    """Some time of the run."""

    seconds: float
    cores: Mapping[int, CoreTime]  # what each core did within it
    own_s: float  # CPU seconds of the processes of the run

    @classmethod
    def between(cls, first: ProcessSample, last: ProcessSample) -> Self:
        """The time between two samples."""
        own_s = sum(last.own_s.values()) - sum(first.own_s.values())
        return cls(last.at - first.at, since(first.cores, last.cores), own_s)


def background_over(samples: Sequence[ProcessSample]) -> BackgroundLoad:
    """The load between the first and the last sample; nothing if there are fewer than two."""
    spans = [Span.between(samples[0], samples[-1])] if len(samples) > 1 else []
    return background_of(spans, samples)


def background_of(
    spans: Sequence[Span], samples: Sequence[ProcessSample], names_run: bool = True
) -> BackgroundLoad:
    """The load over several spans together.

    Args:
        spans: What counts.
        samples: From about the first span to the last: they show which processes there were, and
            on which cores.
        names_run: Whether processes that the lab has started are named: not where they have their
            turn between the spans.
    """
    total_s = sum(span.seconds for span in spans)
    if not total_s or not samples:
        return BackgroundLoad(0.0, 0.0)
    ends = (samples[0], samples[-1])
    cores = frozenset().union(*(kept_on for sample in ends for kept_on in sample.own_s))
    cores = cores.intersection(*(span.cores for span in spans))
    grown = [span.cores[core] for span in spans for core in cores]
    others_s = sum(core.busy_s for core in grown) - sum(span.own_s for span in spans)
    steal_s = sum(core.steal_s for core in grown)
    return BackgroundLoad(
        max(0.0, others_s / total_s),
        max(0.0, steal_s / total_s / max(len(cores), 1)),
        Surroundings(
            cores=tuple(sorted(cores)),
            spare=tuple(sorted(ends[-1].cores.keys() - cores)),
            roaming=ends[-1].roaming if len(cores) > 1 else (),
            processes=_processes(samples, cores, names_run),
        ),
    )


def _processes(
    samples: Sequence[ProcessSample], cores: frozenset[int], names_run: bool
) -> tuple[OtherProcess, ...]:
    """The processes that used most of these cores, most first."""
    first, last = samples[0], samples[-1]
    total_s = max(last.at - first.at, 1e-9)
    found = []
    for pid, now in last.others.items():
        before = first.others.get(pid)
        is_same = before is not None and before.started == now.started
        used = (now.cpu_s - (before.cpu_s if before and is_same else 0.0)) / total_s
        if used < MIN_NAMED or (pid in last.of_run and not names_run):
            continue
        seen_on = [sample.others[pid].core for sample in samples if pid in sample.others]
        share, on = _within(pid, seen_on, cores)
        if share * used >= MIN_NAMED:
            found.append(OtherProcess(pid, now.name, share * used, on, pid in last.of_run))
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
