"""Timed loops: what a slice of a benchmark consists of.

A timed loop is long against the steps of the clock and the cost of reading it: one or more calls
of a function, or one or more rounds of `benchmark.pedantic`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

LOOP_S = 0.0005
"""How long a timed loop lasts at least, unless a single call takes longer."""

_WARM_LOOPS = 10  # from so many loops on, the first of a slice is left out: its caches are cold


@dataclass(frozen=True)
class TimedLoop:
    """A timed loop, ready to be repeated.

    Attributes:
        run: Does all its calls and returns the seconds that they took.
        iterations: How many calls that is.
    """

    run: Callable[[], float]
    iterations: int


@dataclass(frozen=True)
class MeasuredSlice:
    """What one slice measured.

    Attributes:
        loops: Seconds of one call, by timed loop.
        loop_count: How many loops it held, a cold one included.
        took_s: Seconds of the whole slice, set-ups and a cold loop included.
    """

    loops: tuple[float, ...]
    loop_count: int
    took_s: float

    @property
    def typical_s(self) -> float:
        """Seconds of one call, the median of the loops."""
        return median(self.loops)


def measure_slice(loop: TimedLoop, slice_s: float, clock: Callable[[], float]) -> MeasuredSlice:
    """Repeat whole loops until the slice is over, at least one.

    Another process ran just before, so that caches are cold: the first of many loops is left out.

    Args:
        loop: What to repeat.
        slice_s: How long to do so, set-ups included.
        clock: Seconds, as `time.perf_counter`.
    """
    began = clock()
    seconds = [loop.run()]
    while clock() - began < slice_s:
        seconds.append(loop.run())
    took_s = clock() - began
    kept = seconds[1:] if len(seconds) >= _WARM_LOOPS else seconds
    return MeasuredSlice(tuple(each / loop.iterations for each in kept), len(seconds), took_s)
