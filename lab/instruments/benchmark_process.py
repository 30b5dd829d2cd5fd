"""A process that runs one function of a pytest-benchmark file, from its start to its outcome."""

from __future__ import annotations

import contextlib
import math
import re
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import psutil

from lab.errors import MeasurementError
from lab.hypothesis import Statistic, Step
from lab.instruments.benchmark_outcome import MIN_LOOPS, FixtureUse, Outcome, Problem, Request
from lab.instruments.benchmark_turns import FINISH, HELD, MEASURE, MEASURED
from lab.instruments.project_files import ProjectFiles
from lab.machine.cpu_pinning import pin_family
from lab.processes.child_processes import Child, Children
from lab.trials.trial import Slice, Timing

START_S = 60.0  # limit for a process to start, its fixtures included; to calibrate; and to end
_SLACK = 20.0  # limit for a slice, in slices
_SLICE_S = 10.0  # limit for a slice, if that is more
POLL_S = 0.5  # between two looks whether a process still runs, and what it does
WAITING_S = 5.0  # after which it is reported what is waited for
_DUMP_S = 0.5
_SET_UP_LESS = "Let its fixtures, the test and the first call of the function do less"
_DO_LESS = "Let a call do less"
_END = "Let the test and the tear-down of its fixtures do less"

_NOTHING_COLLECTED = 5  # exit code of pytest
_USAGE_ERROR = 4
_FATAL_LINE = re.compile(r"^Fatal Python error: .+$", re.MULTILINE)
_ERROR_LINE = re.compile(r"^(?:E  |ERROR:) +(.+)$", re.MULTILINE)


class BenchmarkError(MeasurementError):
    """A process of a benchmark measured nothing: it failed, hung or skipped.

    Attributes:
        problem: Why.
        step: What it should have measured; None if it only collects the file.
    """

    def __init__(self, problem: Problem, step: Step | None = None) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.step = step


@dataclass(frozen=True)
class Measured:
    """The result of one process.

    Attributes:
        timing: Its slices, summed up.
        slices: In their order.
        counts: The whole numbers that the benchmark stored.
        other_info: What else it stored, and what that was.
        loops: Seconds per call, by timed loop of all slices.
        took_s: Seconds of all slices, set-ups included.
    """

    timing: Timing
    slices: tuple[Slice, ...]
    counts: Mapping[str, int]
    other_info: Mapping[str, str]
    loops: tuple[float, ...]
    took_s: float


class BenchmarkProcess:
    """A process that runs pytest.

    Unless it only collects or is profiled, it comes as far as the call of `benchmark(...)` and is
    held there: idle, until the lab lets it measure a slice or finish.
    """

    def __init__(
        self,
        children: Children,
        child: Child,
        request: Request,
        files: ProjectFiles,
        step: Step | None = None,
        node: str = "",
        turns: socket.socket | None = None,
        notify: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.step = step
        self._notify = notify
        self._reported = ""
        self._started_at = time.monotonic()
        self._took_s = 0.0
        self._children = children
        self._child = child
        self._request = request
        self._files = files
        self._node = node
        self._turns = turns
        self._received = b""
        self._positions: list[int] = []

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    def fileno(self) -> int:
        """Of the socket on which it says that it is held, for `select`."""
        assert self._turns is not None
        return self._turns.fileno()

    def pin(self, cores: Iterable[int]) -> None:
        """Keep it on these cores, with all that it has started."""
        pin_family(self.pid, cores)

    def own_bytes(self) -> int:
        """Its memory without what it shares with other processes, as far as that is known."""
        with contextlib.suppress(psutil.Error):
            memory = psutil.Process(self.pid).memory_info()
            return int(memory.rss - getattr(memory, "shared", 0))
        return 0

    # -- its turns -----------------------------------------------------------------------------

    def wait_until_held(self) -> None:
        """Wait until it has called the function once, and is idle. BenchmarkError if it fails."""
        self._answer(HELD, self.start_left_s(), START_S, "it is not ready to measure")

    def start_left_s(self) -> float:
        """Seconds that are left for it to be held."""
        return max(0.0, START_S - (time.monotonic() - self._started_at))

    def calibrate(self, slice_s: float) -> float:
        """Let it calibrate and warm up; returns about how long one of its loops takes, seconds."""
        self._send(f"{MEASURE} {slice_s!r}")
        problem = "its calibration does not end"
        return float(self._answer(MEASURED, START_S, START_S, problem, expected_s=slice_s))

    def measure(self, slice_s: float, position: int, expected_s: float) -> None:
        """Let it measure one slice.

        Args:
            slice_s: How long; a slice holds one call at least.
            position: The slice's place in the order of all slices of the block.
            expected_s: About how long it will take.

        Raises:
            BenchmarkError: It ended, or does not answer in time.
        """
        limit_s = max(_SLICE_S, _SLACK * expected_s)
        self._send(f"{MEASURE} {slice_s!r}")
        took = self._answer(MEASURED, limit_s, limit_s, "a slice does not end", expected_s)
        self._took_s += float(took)
        self._positions.append(position)

    def finish(self) -> None:
        """Let it finish the test and end; `measured` waits for that."""
        self._send(FINISH)

    def measured(self, statistic: Statistic) -> Measured:
        """What it measured, when it has ended. BenchmarkError if it failed after all."""
        use = self._only_use(self.outcome(START_S, _END))
        if len(use.slices) != len(self._positions):
            raise self._error(Problem("its slices are not those that the lab asked for"))
        chosen = min if statistic == "min" else median
        slices = tuple(
            Slice(
                position,
                len(loops) * use.iterations,
                math.fsum(loops) * use.iterations,
                chosen(loops),
            )
            for position, loops in zip(self._positions, use.slices, strict=True)
        )
        timing = Timing(
            statistic,
            len(use.loops),
            use.iterations,
            min(use.loops),
            median(map(median, use.slices)),
        )
        redacted = self._children.passed.redact_record
        counts, other_info = redacted(use.counts), redacted(use.other_info)
        return Measured(timing, slices, counts, other_info, use.loops, self._took_s)

    def _send(self, line: str) -> None:
        assert self._turns is not None
        try:
            self._turns.sendall(f"{line}\n".encode("ascii"))
        except OSError:
            raise self._ended() from None

    def report_stage(self, waited_s: float = math.inf, expected_s: float = 0.0) -> None:
        """Say once what it does, if that takes long.

        Args:
            waited_s: For how long it is waited for, if that is not since the stage began.
            expected_s: How long that is expected to take.
        """
        with contextlib.suppress(OSError):
            file = Path(self._request.stage)
            stage, lasts_s = file.read_text(encoding="utf-8"), time.time() - file.stat().st_mtime
            if stage != self._reported and min(waited_s, lasts_s) > expected_s + WAITING_S:
                self._reported = stage
                text = f"{self._node.partition('::')[0]} waits for {stage}"
                self._notify(self._children.passed.redact(text))

    def _answer(
        self, word: str, wait_s: float, limit_s: float, problem: str, expected_s: float = 0.0
    ) -> str:
        """What follows a word that the process has to say within some seconds."""
        assert self._turns is not None
        asked_at = time.monotonic()
        deadline = asked_at + wait_s
        while b"\n" not in self._received:
            left_s = deadline - time.monotonic()
            if select.select([self._turns], [], [], max(0.0, min(left_s, POLL_S)))[0]:
                received = self._receive()
                if not received:
                    raise self._ended()
                self._received += received
            elif self._child.died() is not None:  # something that it forked keeps the socket open
                raise self._ended()
            elif left_s <= 0:
                remedy = _SET_UP_LESS if word == HELD else _DO_LESS
                raise self._hanging(f"{problem} within {limit_s:g} s", remedy)
            else:
                waited_s = math.inf if word == HELD else time.monotonic() - asked_at
                self.report_stage(waited_s, expected_s)
        line, _, self._received = self._received.partition(b"\n")
        said, _, rest = line.decode("ascii").partition(" ")
        if said != word:
            raise self._error(Problem(f"it answers {said} instead of {word}"))
        return rest

    def _receive(self) -> bytes:
        assert self._turns is not None
        try:
            return self._turns.recv(4096)
        except OSError:
            return b""

    # -- its end -------------------------------------------------------------------------------

    def outcome(self, limit_s: float, remedy: str) -> Outcome:
        """Wait for its end; BenchmarkError if it reports nothing or takes longer."""
        try:
            code = self._wait(limit_s)
        except subprocess.TimeoutExpired:
            raise self._hanging(f"it does not end within {limit_s:g} s", remedy) from None
        finally:
            self.stop()
        outcome = Outcome.read(Path(self._request.output))
        for written in (self._request.output, self._request.stack_dump, self._request.stage):
            Path(written).unlink(missing_ok=True)
        if outcome is None:
            raise self._error(self._printed(" before the test was over"))
        if code in (0, _NOTHING_COLLECTED, _USAGE_ERROR) or outcome.problems:
            return outcome
        return replace(outcome, problems=(self._printed(),))

    def _wait(self, limit_s: float) -> int:
        """The exit code; reports each stage that takes long. TimeoutExpired after the limit."""
        deadline = time.monotonic() + limit_s
        while True:
            left_s = deadline - time.monotonic()
            try:
                return self._child.popen.wait(max(0.0, min(POLL_S, left_s)))
            except subprocess.TimeoutExpired:
                if left_s <= POLL_S:
                    raise
            self.report_stage()

    def stop(self) -> None:
        """End it, if it still runs."""
        stop_together(self._children, [self])

    def close(self) -> None:
        """Close the socket."""
        if self._turns is not None:
            self._turns.close()

    def _ended(self) -> BenchmarkError:
        """Why it ended although it should have answered."""
        try:
            self._only_use(self.outcome(START_S, _END))
        except BenchmarkError as error:
            return error
        return self._error(Problem("the process ended before all of its slices were measured"))

    def _only_use(self, outcome: Outcome) -> FixtureUse:
        """The one measurement of a process."""
        if outcome.problems:
            raise self._error(outcome.problems[0])
        file, _, name = self._node.partition("::")
        arm = "any" if self.step is None else self.step.arm
        if not outcome.tests:
            left_out = self._node in outcome.deselected
            why = "a conftest.py deselects it" if left_out else f"arm {arm} does not have it"
            raise self._error(Problem(f"{name} is not run: {why}", file))
        place = (file, outcome.tests[0].line)
        if not outcome.uses:
            problem = f"{name} passes without measuring anything: it does not call `benchmark`"
            raise self._error(Problem(problem, *place))
        if len(outcome.uses) > 1:
            names = ", ".join(use.name for use in outcome.uses)
            problem = f"{name} measures {len(outcome.uses)} things ({names})"
            raise self._error(Problem(problem, *place, "Measure one function in each test"))
        (use,) = outcome.uses
        if len(use.loops) < MIN_LOOPS or min(use.loops) <= 0:
            problem = f"{name} yields no {MIN_LOOPS} loops whose time its clock could measure"
            raise self._error(Problem(problem, *place))
        return use

    def _error(self, problem: Problem) -> BenchmarkError:
        return BenchmarkError(self._children.passed.redact_record(problem), self.step)

    def _hanging(self, problem: str, remedy: str) -> BenchmarkError:
        """The problem with the place at which the process hangs."""
        self._child.popen.send_signal(signal.SIGUSR1)  # it dumps its stack
        time.sleep(_DUMP_S)
        try:
            stack = Path(self._request.stack_dump).read_text(encoding="utf-8", errors="replace")
        except OSError:
            stack = ""
        return self._error(Problem(problem, *self._files.of_dump(stack), remedy))

    def _printed(self, when: str = "") -> Problem:
        """Why it ended, from what it printed."""
        output = self._child.log_tail(200)
        how = f"pytest {self._child.died()}{when}"
        if fatal := _FATAL_LINE.search(output):
            return Problem(f"{how}: {fatal[0]}", *self._files.of_dump(output[fatal.end() :]))
        errors = _ERROR_LINE.findall(output)
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        cause = f": {(errors or lines)[-1]}" if errors or lines else ""
        return Problem(how + cause, *self._files.of_output(output))


def stop_together(children: Children, processes: Sequence[BenchmarkProcess]) -> None:
    """End processes, all at once."""
    children.stop(*(process._child for process in processes))
    for process in processes:
        process.close()
