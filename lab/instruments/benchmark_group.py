"""Processes of a benchmark that are alive at the same time and measure in turn."""

from __future__ import annotations

import contextlib
import math
import random
import select
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType

import psutil

from lab.hypothesis import Statistic, Step
from lab.instruments.benchmark_file import BenchmarkFile
from lab.instruments.benchmark_outcome import MIN_LOOPS
from lab.instruments.benchmark_process import POLL_S, BenchmarkProcess, Measured, stop_together

_SPARE_MEMORY = 0.1  # of the machine's, that is left to everything else
_MOST = 48  # processes at once: a database server permits about a hundred connections

Start = Callable[[Step], BenchmarkProcess]


def available_bytes() -> int:
    """Memory that can be taken without swapping, within the limit of the container, if any."""
    free = int(psutil.virtual_memory().available)
    with contextlib.suppress(OSError, ValueError):  # there is no limit, or it reads "max"
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text(encoding="ascii"))
        free = min(free, limit - int((group / "memory.current").read_text(encoding="ascii")))
    return free


class BenchmarkGroup:
    """Processes that are started side by side, held, and let measure in turn. A context manager.

    Whatever raises BenchmarkError leaves all processes to be ended with the context.
    """

    def __init__(
        self,
        file: BenchmarkFile,
        start: Start,
        available: Callable[[], int] = available_bytes,
    ) -> None:
        """Take what processes are started with.

        Args:
            file: Has the cores.
            start: Starts the process of a step.
            available: Returns the bytes of memory that are free.
        """
        self._file = file
        self._start = start
        self._available = available
        self._spare = int(_SPARE_MEMORY * psutil.virtual_memory().total)
        self._started: list[BenchmarkProcess] = []
        self._held: list[BenchmarkProcess] = []

    def __enter__(self) -> BenchmarkGroup:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        stop_together(self._file.children, self._started)

    @property
    def pids(self) -> tuple[int, ...]:
        """Their process ids."""
        return tuple(process.pid for process in self._held)

    def start(self, units: Sequence[Sequence[Step]]) -> list[Sequence[Step]]:
        """Start processes until all are held, or memory or their number forbids more.

        Args:
            units: Steps that must not be separated, as all arms at one value.

        Returns:
            The units that were not started: they need a group of their own.
        """
        left = list(units)
        while left and (not self._started or self._fits(len(left[0]))):
            for step in left.pop(0):
                if len(self._started) - len(self._held) >= self._file.abreast:
                    self._hold_next()
                self._started.append(self._start(step))
        while len(self._held) < len(self._started):
            self._hold_next()
        self._held = list(self._started)  # in an order that the random orders can rest on
        for process in self._held:
            process.pin(self._file.cores.target)
        return left

    def measure(
        self, slice_s: float, count: int, order: random.Random, first: int
    ) -> Iterator[tuple[int, int]]:
        """Let the processes measure in turn, in a new random order in each round.

        A slice holds whole calls. If they are slow, it takes longer, and there are fewer rounds:
        so many that all take about as long as planned, but at least three.

        Args:
            slice_s: Length of a slice.
            count: Rounds, if no call is slow.
            order: Draws the orders.
            first: The position of the first slice in the block.

        Yields:
            After each round, how many were measured and how many there will be.
        """
        expected = {
            process: expected_s(process.calibrate(slice_s), slice_s) for process in self._held
        }
        planned_s = count * slice_s * len(self._held)
        rounds = min(count, max(MIN_LOOPS, int(round(planned_s / sum(expected.values()), 6))))
        positions = iter(range(first, first + rounds * len(self._held)))
        for done in range(1, rounds + 1):
            for process in order.sample(self._held, len(self._held)):
                process.measure(slice_s, next(positions), expected[process])
            yield done, rounds

    def finish(self, statistic: Statistic) -> dict[Step, Measured]:
        """Let all processes finish, side by side; returns what each has measured."""
        for process in self._held:
            process.pin(self._file.cores.all)
            process.finish()
        found = {}
        for process in self._held:
            assert process.step is not None
            found[process.step] = process.measured(statistic)
        return found

    def _hold_next(self) -> None:
        """Wait until one more process is held."""
        starting = [process for process in self._started if process not in self._held]
        while True:
            left_s = starting[0].start_left_s()
            ready = select.select(starting, [], [], min(left_s, POLL_S))[0]
            if ready or left_s <= 0:
                break
            for process in starting:
                process.report_stage()
        process = ready[0] if ready else starting[0]
        process.wait_until_held()
        self._held.append(process)

    def _fits(self, count: int) -> bool:
        """Whether so many more processes fit into memory, going by the largest so far."""
        if len(self._started) + count > _MOST:
            return False
        while not self._held:
            self._hold_next()
        largest = max(process.own_bytes() for process in self._held)
        starting = len(self._started) - len(self._held)
        return self._available() - (starting + count) * largest > self._spare


def expected_s(loop_s: float, slice_s: float) -> float:
    """How long a slice takes that holds whole loops.

    Args:
        loop_s: Of one timed loop, set-ups included.
        slice_s: Of a slice whose loops are short: no loop begins after that.
    """
    return slice_s if loop_s < slice_s / 2 else math.ceil(slice_s / loop_s) * loop_s
