"""What a process uses of the processor while others are measured: it should be nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lab.machine.processor_time import exact_cpu_s
from lab.processes.process_tree import started_by

_MAX_SHARE = 0.05  # of the time between its slices: a turn itself takes a tenth of that
_LEAST_S = 0.05


def children_cpu_s() -> float:
    """The processor time of all that this process has started, directly or not.

    In seconds; of those that have ended in steps of the system's clock, 10 ms. Only as far as
    `/proc` can be read.
    """
    ended = os.times()
    running_s = sum(map(exact_cpu_s, started_by(os.getpid())))
    return ended.children_user + ended.children_system + running_s


class IdleTime:
    """Adds up the times between the slices of a process.

    Attributes:
        held_s: Their length.
        used_s: Processor time of this process, and of those that it started, in them.
    """

    def __init__(self, clock: Callable[[], float], processor_clock: Callable[[], float]) -> None:
        """Begin with the first slice.

        Args:
            clock: Seconds, as `time.perf_counter`.
            processor_clock: Seconds of all threads, and of the processes that it started.
        """
        self._clock, self._processor_clock = clock, processor_clock
        self._since: tuple[float, float] | None = None
        self.held_s = self.used_s = 0.0

    @property
    def is_used(self) -> bool:
        """Whether work goes on between slices, which others pay for."""
        return self.used_s > max(_LEAST_S, _MAX_SHARE * self.held_s)

    @contextmanager
    def interrupted(self) -> Iterator[None]:
        """A slice."""
        if self._since is not None:
            self.held_s += self._clock() - self._since[0]
            self.used_s += self._processor_clock() - self._since[1]
        yield
        self._since = self._clock(), self._processor_clock()
