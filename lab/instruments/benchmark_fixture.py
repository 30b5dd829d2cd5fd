"""pytest-benchmark's fixture, which measures in slices, whenever the lab lets it.

The lab's plugin puts it in the place of pytest-benchmark's own class. Calibration and timing stay
those of pytest-benchmark (`_calibrate_timer`, `_make_runner`, `_make_stats`).
"""

from __future__ import annotations

import inspect
import math
import os
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NoReturn

import pytest
from pytest_benchmark.fixture import BenchmarkFixture, PauseInstrumentation

from lab.instruments.async_calls import await_in_task, awaited_or_returned, in_task
from lab.instruments.benchmark_errors import cause_of, described
from lab.instruments.benchmark_loops import LOOP_S, MeasuredSlice, TimedLoop, measure_slice
from lab.instruments.benchmark_outcome import MIN_LOOPS, Problem, Request
from lab.instruments.benchmark_pedantic import Arguments, PedanticCall
from lab.instruments.benchmark_turns import Turns
from lab.instruments.idle_time import IdleTime, children_cpu_s
from lab.instruments.project_files import NOWHERE, ProjectFiles
from lab.instruments.unfinished_results import unfinished

_CLOCK_STEPS = 10
"""So many steps of its clock a loop has to last (pytest-benchmark's calibration precision)."""

_CALIBRATIONS = 5  # at most

_CALIBRATION_ROUNDS = 3  # at least: one that was interrupted would make loops too short

_LONGEST_INTERRUPTION_S = 1.0  # what takes longer is not called again to calibrate


class MeasuringSession:
    """What the fixtures of a process share: the request, the clock and what went wrong.

    The clock is kept in an attribute, because tools that freeze time replace names of modules.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.clock = time.perf_counter
        own_cpu_s = time.process_time
        self.processor_clock = lambda: own_cpu_s() + children_cpu_s()
        # open already: the test may replace the file system
        self._stage = os.open(request.stage, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        self.files = ProjectFiles(Path.cwd())
        self.fixtures: list[MeasuringFixture] = []
        self.problems: list[Problem] = []
        self._turns = None if request.turns is None else Turns(request.turns)

    def measure_in_turns(self, measure: Callable[[float], float]) -> None:
        """Measure whenever the lab says so.

        Without turns, as for a profile, it measures at once; so does a second fixture of the test,
        for which the lab does not wait.

        Args:
            measure: Is given the length of a slice; returns the seconds that it took.
        """
        turns, self._turns = self._turns, None
        if turns is not None:
            turns.take(measure)
        else:
            for slice_s in (0.0, self.request.window_s):
                measure(slice_s)

    def begin(self, stage: str) -> None:
        """Record what begins: the lab says so if it takes long."""
        with suppress(OSError):  # the test may have closed whatever is open
            os.truncate(self._stage, 0)
            os.pwrite(self._stage, stage.encode(), 0)

    def note_error(self, error: BaseException, more: str = "") -> None:
        """Record an exception that the benchmark file raised."""
        error = cause_of(error)
        place = self.files.of_error(error)
        if place == NOWHERE:
            place = self.files.of_caller()
        self.problems.append(Problem(described(error) + more, *place))

    def refuse(self, message: str, remedy: str) -> NoReturn:
        """Record what the benchmark file does and cannot be measured, and end the test."""
        self.problems.append(Problem(message, *self.files.of_caller(), remedy))
        pytest.fail(f"{message}. {remedy}", pytrace=False)


SESSION = pytest.StashKey[MeasuringSession]()


class MeasuringFixture(BenchmarkFixture):
    """The fixture `benchmark` in a process of the lab.

    Slices, clock and calibration are the lab's, whatever the marker, the options of
    pytest-benchmark or the attributes of the fixture say; `disable_gc` and `cprofile` are off.

    The function is called once before anything is timed. That call is cold, and what it returns
    decides how the function is measured: a coroutine is awaited in every call. The first slice
    calibrates and does not count.
    """

    def __init__(self, node: pytest.Item, *arguments: Any, **options: Any) -> None:
        super().__init__(node, *arguments, **options)
        self._session = session = node.config.stash[SESSION]
        session.fixtures.append(self)
        self._held = {
            "disabled": False,
            "cprofile": False,
            "_timer": session.clock,
            "_max_time": session.request.window_s,
            "_min_time": LOOP_S,
            "_min_rounds": MIN_LOOPS,
            "_calibration_precision": _CLOCK_STEPS,
            "_precision": None,
            "_confidence": None,
            "_warmup": False,
            "_disable_gc": False,
        }
        vars(self).update(self._held)
        self._is_async = False
        self._used_on_line: int | None = None
        self.slices: list[MeasuredSlice] = []
        self.iterations = 1

    def __call__(self, function_to_benchmark: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Measure a function; returns what its last call returned."""
        self._use("benchmark(...)")
        with self._errors_noted():
            call = partial(function_to_benchmark, *args, **kwargs)
            measure = partial(self._measure_calibrated, function_to_benchmark, args, kwargs)
            return self._complete(call, measure, call)

    def pedantic(
        self,
        target: Callable[..., Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        setup: Callable[[], Any] | None = None,
        teardown: Callable[..., Any] | None = None,
        rounds: int = 1,
        warmup_rounds: int = 0,
        iterations: int = 1,
    ) -> Any:
        """Measure a function in rounds with a set-up of their own, as many as the slices hold."""
        self._use("benchmark.pedantic(...)")
        pedantic = PedanticCall(target, args, kwargs or {}, setup, teardown, iterations)
        if flaw := pedantic.flaw(rounds, warmup_rounds):
            self._session.refuse(*flaw)
        with self._errors_noted():
            held = [pedantic.arguments()]  # until the first round is torn down
            measure = partial(self._measure_rounds, pedantic, held, rounds, warmup_rounds)
            return self._complete(
                lambda: target(*held[0][0], **held[0][1]), measure, pedantic.whole_round
            )

    def weave(self, target: Any, **kwargs: Any) -> NoReturn:
        """Refused: its rounds would be the calls of one run, without calibration."""
        self._session.refuse(
            "`benchmark.weave` (of aspectlib) takes the calls of a single run for rounds",
            "Hand the function itself to `benchmark(...)`",
        )

    patch = weave

    def _use(self, mode: str) -> None:
        """Begin the one measurement of this fixture."""
        if self._mode:
            first = f", first on line {self._used_on_line}" if self._used_on_line else ""
            self._session.refuse(
                f"the test uses `benchmark` twice{first}",
                "Measure one function in each test",
            )
        self._mode = mode
        self._used_on_line = self._session.files.of_caller()[1]
        vars(self).update(self._held)  # the test may have set them
        self._session.begin(f"the first call in {self.name}")

    @contextmanager
    def _errors_noted(self) -> Iterator[None]:
        """An error counts even if the test handles it: nothing was measured."""
        try:
            yield
        except Exception as error:
            if not self.has_error:
                self.has_error = True
                self._session.note_error(error)
            raise

    def _complete(
        self, begin: Callable[[], Any], measure: Callable[[], Any], call: Callable[[], Any]
    ) -> Any:
        """Measure as the first result demands; returns the last one, or a coroutine for it.

        The first one is given up before anything is timed: where it lived on, a weak cache would
        answer all calls.
        """
        first = begin()
        if inspect.iscoroutine(first):
            return awaited_or_returned(self._complete_async(first, measure, call))
        self._require_finished(first)
        del first
        result = measure()
        if profile := self._session.request.profile:
            from lab.instruments.benchmark_profiler import profile_calls

            profile_calls(call, Path(profile))
        return result

    async def _complete_async(
        self, first: Coroutine[Any, Any, Any], measure: Callable[[], Any], call: Callable[[], Any]
    ) -> Any:
        with self._errors_noted():
            self._require_finished(await first)
            self._is_async = True
            result = await in_task(measure)
            if profile := self._session.request.profile:
                from lab.instruments.benchmark_profiler import profile_awaited_calls

                await profile_awaited_calls(call, Path(profile))
            return result

    def _require_finished(self, result: Any) -> None:
        if found := unfinished(result):
            self._session.refuse(f"the function returns {found.what}", found.remedy)

    def _measure_calibrated(
        self, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Measure a function in loops of as many calls as pytest-benchmark finds."""
        runner = self._make_runner(function, args, kwargs)

        def calibrated() -> tuple[TimedLoop, float]:
            loop_s, iterations, calls = self._calibrate(runner)
            return TimedLoop(partial(runner, calls), iterations), loop_s

        self._measure_slices(calibrated)
        result = function(*args, **kwargs)
        return await_in_task(result) if self._is_async else result

    def _calibrate(self, runner: Callable[..., Any]) -> tuple[float, int, range]:
        """Find how many calls a loop needs; returns about its seconds, their number and its range.

        A call that was interrupted looks slow, and a loop of too few calls would measure the clock:
        a loop that is much shorter when it runs again is calibrated again.
        """
        found: tuple[float, int, range] = self._calibrate_timer(runner)
        for _ in range(_CALIBRATIONS - 1):
            loop_s, iterations, calls = found
            if loop_s > _LONGEST_INTERRUPTION_S:
                break
            again_s = runner(calls)
            if again_s >= LOOP_S / 2:
                return min(loop_s, again_s), iterations, calls
            found = max(found, self._calibrate_timer(runner), key=lambda each: each[1])
        return found

    def _measure_rounds(
        self, pedantic: PedanticCall, first: list[Arguments], rounds: int, warmup_rounds: int
    ) -> Any:
        """Measure rounds with their set-ups, whole ones in every slice; cold ones are left out.

        Args:
            pedantic: What is called.
            first: The arguments of the cold call, taken out when it is torn down.
            rounds: That the file asks for.
            warmup_rounds: That are left out, the cold call among them.
        """
        pedantic.finish(first.pop())
        for _ in range(warmup_rounds - 1):
            self._round(pedantic)
        done, result = max(warmup_rounds, 1), None

        def one_round() -> float:
            nonlocal done, result
            try:
                seconds, result = self._round(pedantic)
            except Exception as error:
                if done >= rounds + warmup_rounds:
                    self._note_further_round(error, done + 1, rounds)
                raise
            done += 1
            return seconds

        def calibrated() -> tuple[TimedLoop, float]:
            timed: list[float] = []
            whole: list[float] = []  # set-ups included
            while not whole or math.fsum(whole) < (
                LOOP_S if len(whole) >= _CALIBRATION_ROUNDS else _LONGEST_INTERRUPTION_S
            ):
                began = self._timer()
                timed.append(one_round())
                whole.append(self._timer() - began)
            self._require_resolved(median(timed), pedantic)
            round_s = median(whole)
            count = math.ceil(LOOP_S / round_s)  # neighbours are timed as one loop
            several = TimedLoop(
                lambda: math.fsum(one_round() for _ in range(count)), count * pedantic.iterations
            )
            return several, count * round_s

        self._measure_slices(calibrated)
        return self._result_of(pedantic) if pedantic.iterations > 1 else result

    def _measure_slices(self, calibrated: Callable[[], tuple[TimedLoop, float]]) -> None:
        """Measure in turn with other processes; the first slice does not count.

        Args:
            calibrated: Finds the timed loop, and about how long it takes.
        """
        loop: TimedLoop | None = None
        idle = IdleTime(self._session.clock, self._session.processor_clock)

        def measure(slice_s: float) -> float:
            nonlocal loop
            with PauseInstrumentation(), idle.interrupted():
                if loop is None:
                    self._session.begin(f"the calibration of {self.name}")
                    loop, loop_s = calibrated()
                    self._session.begin(f"the slices of {self.name}")
                    if loop_s >= slice_s:
                        return loop_s
                    warm = measure_slice(loop, slice_s, self._timer)
                    return warm.took_s / warm.loop_count
                found = measure_slice(loop, slice_s, self._timer)
                if not self.slices and found.typical_s * loop.iterations < LOOP_S / 2:
                    # a call was interrupted for so long that it was taken for a slow one
                    loop, _ = calibrated()
                    found = measure_slice(loop, slice_s, self._timer)
                self.slices.append(found)
            return found.took_s

        self._session.measure_in_turns(measure)
        self._session.begin(f"the end of {self.name}")
        if idle.is_used:
            self._session.refuse(
                "threads or processes of the benchmark used the processor for "
                f"{idle.used_s:.2f} of the {idle.held_s:.2f} s in which other arms were measured",
                "Wait in the function for the work that it starts, or flush it there",
            )
        if loop is not None:
            self._keep_statistics(loop.iterations)

    def _round(self, pedantic: PedanticCall) -> tuple[float, Any]:
        """Set up, time the calls of one round and tear down; returns seconds and the result."""
        args, kwargs = arguments = pedantic.arguments()
        calls = range(pedantic.iterations) if pedantic.iterations > 1 else None
        runner = self._make_runner(pedantic.target, args, kwargs)
        with PauseInstrumentation():
            timed = runner(calls)
        pedantic.finish(arguments)
        return (timed, None) if calls else timed

    def _result_of(self, pedantic: PedanticCall) -> Any:
        """The result of a call that is not timed: rounds of several calls return none."""
        result = pedantic.whole_round()
        return await_in_task(result) if self._is_async else result

    def _note_further_round(self, error: Exception, number: int, rounds: int) -> None:
        self.has_error = True
        self._session.note_error(
            error,
            f" (in round {number}: the lab repeats rounds in every slice, whatever the "
            f"`rounds={rounds}` of `benchmark.pedantic`)",
        )

    def _require_resolved(self, round_s: float, pedantic: PedanticCall) -> None:
        """A round of a few steps of the clock would measure the clock."""
        least_s = _CLOCK_STEPS * self._get_precision(self._timer)
        if round_s < least_s:
            enough = 2 * math.ceil(least_s / round_s * pedantic.iterations)
            more = f"Write `iterations={enough}` or more"
            if pedantic.setup:  # which pytest-benchmark has once for each call
                more = f"Let a call of the function do {enough} times as much or more"
            self._session.refuse(
                f"a round of `benchmark.pedantic` takes {round_s * 1e9:.0f} ns, too short for the "
                f"clock (at least {least_s * 1e9:.0f} ns)",
                f"{more}, or hand the function to `benchmark(...)`, which finds the number of "
                "calls by itself",
            )

    def _keep_statistics(self, iterations: int) -> None:
        """Keep the loops as statistics that the test may look at."""
        self.iterations = iterations
        stats = self._make_stats(iterations)
        for measured in self.slices:
            for seconds in measured.loops:
                stats.update(seconds * iterations)

    def _make_runner(
        self, function_to_benchmark: Callable[..., Any], args: Any, kwargs: Any
    ) -> Callable[..., Any]:
        """Times a round; of an async function within the task that awaits it."""
        if not self._is_async:
            runner: Callable[..., Any] = super()._make_runner(function_to_benchmark, args, kwargs)
            return runner
        timer = self._timer

        async def one_call() -> tuple[float, Any]:
            start = timer()
            result = await function_to_benchmark(*args, **kwargs)
            end = timer()
            return end - start, result

        async def several_calls(calls: range) -> float:
            start = timer()
            for _ in calls:
                await function_to_benchmark(*args, **kwargs)
            end = timer()
            return float(end - start)

        return lambda calls: await_in_task(several_calls(calls) if calls else one_call())
