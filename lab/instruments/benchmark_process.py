"""Runs a pytest-benchmark file: each trial is a fresh process that runs one function.

The rounds of one process share its memory layout and hash seed. Taken as samples, they call equal
code different in 40 to 89 % of comparisons (on what to repeat: Kalibera & Jones, 2013).
"""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from lab.child_processes import Child, Children
from lab.errors import MeasurementError
from lab.hypothesis import Statistic
from lab.instruments.benchmark_outcome import (
    MIN_ROUNDS,
    ROUNDS_OF,
    Outcome,
    Problem,
    Request,
    Rounds,
)
from lab.instruments.benchmark_selection import (
    BenchmarkFileError,
    BenchmarkFunction,
    Wanted,
    select,
)
from lab.instruments.project_files import ProjectFiles
from lab.instruments.service_profiler import PROFILE_S, read_profile
from lab.trial import Timing

_COLLECT_S = 25.0
_START_S = 60.0  # limit for a process to start, its fixtures included
_SLACK = 20.0  # limit for its rounds, in windows
_DUMP_S = 0.5
_POLL_S = 0.5
WAITING_S = 5.0  # after which it is reported what is waited for
_DO_LESS = f"Let it do less, or lengthen the `window`: a process may take {_SLACK:g} windows more"
_DO_NOTHING = "Let the file do nothing at import, and measure in its functions"

# No plugins but those that the file names: others could cost more than what is measured.
_ENVIRONMENT = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONUNBUFFERED": "1"}
_PYTEST = (
    *("-m", "pytest", "-q", "-p", "no:cacheprovider", "--color=no"),
    *("-c", "/dev/null", "--rootdir", ".", "--confcutdir", ".", "--import-mode=importlib"),
    *("-p", "pytest_benchmark.plugin", "-p", "lab.instruments.benchmark_plugin"),
)
_NOTHING_COLLECTED = 5  # exit code of pytest
_USAGE_ERROR = 4
_FATAL_LINE = re.compile(r"^Fatal Python error: .+$", re.MULTILINE)
_ERROR_LINE = re.compile(r"^(?:E  |ERROR:) +(.+)$", re.MULTILINE)


class BenchmarkError(MeasurementError):
    """A process of a benchmark yielded no rounds: it failed, hung or skipped."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True)
class Measured:
    """The result of one process.

    Attributes:
        timing: Its rounds, summed up.
        counts: The whole numbers that the benchmark stored.
        other_info: What else it stored, and what that was.
        rounds: Seconds per call, by round.
    """

    timing: Timing
    counts: Mapping[str, int]
    other_info: Mapping[str, str]
    rounds: tuple[float, ...]


class BenchmarkFile:
    """A benchmark file, as pytest collects and runs it."""

    def __init__(
        self,
        children: Children,
        project: Path,
        cores: Iterable[int],
        scenario: str,
        notify: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Nothing runs yet.

        Args:
            children: Keeps the processes.
            project: Their working directory.
            cores: They may run on.
            scenario: The file, from there.
            notify: Called with what a process is waited for, if that takes long.
        """
        self._children = children
        self._project = project
        self._files = ProjectFiles(project)
        self._cores = tuple(cores)
        self._scenario = scenario
        self._notify = notify
        self._output = children.folder / "benchmark.json"

    def select(self, wanted: Wanted, env: Mapping[str, str]) -> BenchmarkFunction:
        """Collect the file, under a time limit, and find the function with all its levels.

        Args:
            wanted: Which function, and its parameters.
            env: The settings of an arm: the file may read them when it is imported.

        Raises:
            BenchmarkFileError: pytest cannot collect the file, or there is no such function.
        """
        with self._redacted():
            try:
                outcome = self._run(["--collect-only", self._scenario], None, env, _COLLECT_S)
            except BenchmarkError as error:
                raise BenchmarkFileError(self._with_remedy(error.problem, env)) from error
            if outcome.problems:
                raise BenchmarkFileError(self._with_remedy(outcome.problems[0], env))
            return select(outcome, wanted)

    def measure(
        self, node: str, arm: str, env: Mapping[str, str], window_s: float, statistic: Statistic
    ) -> Measured:
        """Run one process; BenchmarkError if it yields no rounds."""
        with self._redacted():
            outcome = self._run([node], arm, env, _START_S + _SLACK * window_s, window_s)
            rounds = self._only_rounds(outcome, node, arm)
        timing = Timing(
            statistic,
            len(rounds.seconds),
            rounds.iterations,
            min(rounds.seconds),
            median(rounds.seconds),
        )
        redacted = self._children.passed.redact_record
        counts, other_info = redacted(rounds.counts), redacted(rounds.other_info)
        return Measured(timing, counts, other_info, rounds.seconds)

    def profile(self, node: str, arm: str, env: Mapping[str, str], window_s: float) -> str:
        """Run one process that measures and is then profiled; the profile as text."""
        output = self._children.folder / f"profile-{arm}.json"
        limit_s = _START_S + _SLACK * (PROFILE_S + window_s)
        with self._redacted():
            outcome = self._run([node], arm, env, limit_s, window_s, output)
            if outcome.problems and not output.is_file():
                raise BenchmarkError(outcome.problems[0])
        return read_profile(output)

    @contextmanager
    def _redacted(self) -> Iterator[None]:
        """Redact what an error inside says of the values that the file was passed."""
        try:
            yield
        except (BenchmarkError, BenchmarkFileError) as error:
            raise type(error)(self._children.passed.redact_record(error.problem)) from error

    def _run(
        self,
        arguments: Sequence[str],
        arm: str | None,
        env: Mapping[str, str],
        limit_s: float,
        window_s: float = 0.0,
        profile: Path | None = None,
    ) -> Outcome:
        """Run pytest in a process of its own; BenchmarkError if it reports nothing."""
        folder = self._project / Path(self._scenario).parent
        request = Request(
            str(self._output), str(folder), window_s, None if profile is None else str(profile)
        )
        storage = self._children.folder / "benchmarks"  # not `.benchmarks` in the project
        self._output.unlink(missing_ok=True)
        Path(request.stage).write_text("the start of pytest", encoding="utf-8")
        child = self._children.start(
            [sys.executable, *_PYTEST, f"--benchmark-storage=file://{storage}", *arguments],
            role="benchmark",
            arm=arm,
            cwd=self._project,
            env={**env, **_ENVIRONMENT, **request.to_environment()},
            cores=self._cores,
        )
        try:
            code = self._wait(child, request, limit_s)
        except subprocess.TimeoutExpired:
            place = self._files.of_dump(_stack(child, Path(request.stack_dump)))
            remedy = _DO_LESS if window_s else _DO_NOTHING
            problem = Problem(f"it does not end within {limit_s:g} s", *place, remedy)
            raise BenchmarkError(problem) from None
        finally:
            self._children.stop(child)
        outcome = Outcome.read(self._output)
        if outcome is None:
            raise BenchmarkError(self._printed(child, " before the test was over"))
        if code in (0, _NOTHING_COLLECTED, _USAGE_ERROR) or outcome.problems:
            return outcome
        return replace(outcome, problems=(self._printed(child),))

    def _wait(self, child: Child, request: Request, limit_s: float) -> int:
        """The exit code; reports each stage that takes long. TimeoutExpired after the limit."""
        deadline, reported = time.monotonic() + limit_s, ""
        while True:
            left_s = deadline - time.monotonic()
            try:
                return child.popen.wait(min(_POLL_S, left_s))
            except subprocess.TimeoutExpired:
                if left_s <= _POLL_S:
                    raise
            stage, lasts_s = _stage(Path(request.stage))
            expected_s = request.window_s if stage.startswith(ROUNDS_OF) else 0.0
            if stage != reported and lasts_s > expected_s + WAITING_S:
                reported = stage
                text = f"{self._scenario} waits for {stage}"
                self._notify(self._children.passed.redact(text))

    def _only_rounds(self, outcome: Outcome, node: str, arm: str) -> Rounds:
        """The rounds of the one measurement of a process."""
        if outcome.problems:
            raise BenchmarkError(outcome.problems[0])
        name = node.partition("::")[2]
        if not outcome.tests:
            left_out = node in outcome.deselected
            why = "a conftest.py deselects it" if left_out else f"arm {arm} does not have it"
            raise BenchmarkError(Problem(f"{name} is not run: {why}", self._scenario))
        place = (self._scenario, outcome.tests[0].line)
        if not outcome.rounds:
            problem = f"{name} passes without measuring anything: it does not call `benchmark`"
            raise BenchmarkError(Problem(problem, *place))
        if len(outcome.rounds) > 1:
            names = ", ".join(rounds.name for rounds in outcome.rounds)
            problem = f"{name} measures {len(outcome.rounds)} things ({names})"
            raise BenchmarkError(Problem(problem, *place, "Measure one function in each test"))
        (rounds,) = outcome.rounds
        if len(rounds.seconds) < MIN_ROUNDS or min(rounds.seconds) <= 0:
            problem = f"{name} yields no {MIN_ROUNDS} rounds whose time its clock could measure"
            raise BenchmarkError(Problem(problem, *place))
        return rounds

    def _printed(self, child: Child, when: str = "") -> Problem:
        """Why a process ended, from what it printed."""
        output = child.log_tail(200)
        how = f"pytest {child.died()}{when}"
        if fatal := _FATAL_LINE.search(output):
            return Problem(f"{how}: {fatal[0]}", *self._files.of_dump(output[fatal.end() :]))
        errors = _ERROR_LINE.findall(output)
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        cause = f": {(errors or lines)[-1]}" if errors or lines else ""
        return Problem(how + cause, *self._files.of_output(output))

    def _with_remedy(self, problem: Problem, env: Mapping[str, str]) -> Problem:
        """A problem of collecting the file, with the command that has to succeed."""
        if problem.remedy:
            return problem
        variables = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **env}
        settings = " ".join(f"{name}={shlex.quote(text)}" for name, text in variables.items())
        command = (
            f"{settings} python -m pytest -c /dev/null --rootdir . -p pytest_benchmark.plugin "
            f"--collect-only {self._scenario}"
        )
        return replace(problem, remedy=f"Correct it until `{command}` succeeds")


def _stage(file: Path) -> tuple[str, float]:
    """What a process does at the moment, and for how many seconds already."""
    return file.read_text(encoding="utf-8"), time.time() - file.stat().st_mtime


def _stack(child: Child, dump: Path) -> str:
    """Where a process that hangs is, as `faulthandler` dumps it."""
    child.popen.send_signal(signal.SIGUSR1)
    time.sleep(_DUMP_S)
    try:
        return dump.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
