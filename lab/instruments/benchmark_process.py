"""Runs a pytest-benchmark file: each trial is a fresh process that runs one function.

The rounds of one process share its memory layout and hash seed. Taken as samples, they call equal
code different in 40 to 89 % of comparisons (on what to repeat: Kalibera & Jones, 2013).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.child_processes import Child, Children
from lab.errors import MeasurementError, UsageError
from lab.hypothesis import Parameter, Statistic
from lab.instruments.service_profiler import OUTPUT, PROFILE_S, read_profile
from lab.trial import Timing

ROUNDS = 500  # about the maximum: a faster function is called several times in a round
MIN_ROUNDS = 5
_COLLECT_S = 30.0
_START_S = 60.0  # limit for a process to start, its fixtures included
_SLACK = 20.0  # limit for its rounds, in windows

# No plugins but those that the file names: others could cost more than what is measured.
_ENVIRONMENT = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONUNBUFFERED": "1"}
_PYTEST = (
    *("-m", "pytest", "-q", "-p", "no:cacheprovider"),
    *("-c", "/dev/null", "--rootdir", ".", "--import-mode=importlib", "--color=no"),
)

_PLUGIN = ("-p", "pytest_benchmark.plugin")


class BenchmarkError(MeasurementError):
    """A process of a benchmark yielded no rounds: it failed, hung or skipped."""


class BenchmarkFileError(UsageError):
    """A benchmark file cannot be run as the hypothesis requires; `remedy` says what helps."""

    def __init__(self, problem: str, remedy: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.problem, self.remedy, self.line = problem, remedy, line


@dataclass(frozen=True)
class Measured:
    """The result of one process."""

    timing: Timing
    counts: Mapping[str, int]  # whole numbers in `benchmark.extra_info`
    rounds: tuple[float, ...]  # seconds per call


class BenchmarkFile:
    """A benchmark file, as pytest collects and runs it."""

    def __init__(
        self, children: Children, project: Path, cores: Iterable[int], scenario: str
    ) -> None:
        self._children = children
        self._project = project
        self._cores = tuple(cores)
        self._scenario = scenario

    def node(self, function: str, level: float | None) -> str:
        """The id of the test that is measured at a level, as pytest writes it."""
        id_ = "" if level is None else f"[{_level_id(level)}]"
        return f"{self._scenario}::{function}{id_}"

    def check(self, function: str | None, parameter: Parameter | None) -> str:
        """Collect the file, under a time limit; returns the name of the function.

        Raises:
            BenchmarkFileError: If it cannot be collected, or lacks the function or a level.
        """
        nodes = self._collect()
        functions = sorted({node.partition("[")[0] for node in nodes})
        if function is None and len(functions) != 1:
            known = ", ".join(functions) or "none"
            raise BenchmarkFileError(
                f"the file does not hold one benchmark, but {len(functions)} ({known})",
                f"Name one, as in {self._scenario}::{functions[0] if functions else 'test_page'}",
            )
        chosen = functions[0] if function is None else function
        if chosen not in functions:
            raise BenchmarkFileError(
                f"there is no benchmark {chosen}", f"There are: {', '.join(functions) or 'none'}"
            )
        own = [node for node in nodes if node.partition("[")[0] == chosen]
        if parameter is None and chosen not in own:
            raise BenchmarkFileError(
                f"{chosen} is parametrized ({', '.join(own)})",
                "Say which values to measure in the hypothesis: `params: {depth: [0, 1000]}`",
            )
        for level in () if parameter is None else parameter.levels:
            if f"{chosen}[{_level_id(level)}]" not in own:
                assert parameter is not None
                raise BenchmarkFileError(
                    f"{chosen} is not parametrized with {parameter.name} = {_level_id(level)} "
                    f"(there is {', '.join(own)})",
                    f'Write @pytest.mark.parametrize("{parameter.name}", '
                    f"[{', '.join(map(_level_id, parameter.levels))}])",
                )
        return chosen

    def measure(
        self, node: str, arm: str, env: Mapping[str, str], window_s: float, statistic: Statistic
    ) -> Measured:
        """Run one process; BenchmarkError if it yields no rounds."""
        output = self._children.folder / "benchmark.json"
        output.unlink(missing_ok=True)
        self._run(
            [*_PYTEST, *_PLUGIN, node, *_options(window_s), f"--benchmark-json={output}"],
            arm, env, _START_S + _SLACK * window_s,
        )  # fmt: skip
        return _read(output, statistic, node)

    def profile(self, node: str, arm: str, env: Mapping[str, str]) -> str:
        """Run one process that calls the function under pyinstrument; the profile as text."""
        output = self._children.folder / f"profile-{arm}.json"
        self._run(
            [*_PYTEST, "-p", "lab.instruments.benchmark_profiler", node],
            arm, {**env, OUTPUT: str(output)}, _START_S + _SLACK * PROFILE_S,
        )  # fmt: skip
        return read_profile(output)

    def _run(self, command: list[str], arm: str, env: Mapping[str, str], limit_s: float) -> None:
        child = self._children.start(
            [sys.executable, *command],
            role="benchmark",
            arm=arm,
            cwd=self._project,
            env={**env, **_ENVIRONMENT},
            cores=self._cores,
        )
        try:
            code = child.popen.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise BenchmarkError(f"it takes more than {limit_s:g} s") from None
        finally:
            self._children.stop(child)
        if code:
            raise BenchmarkError(f"it {child.died()}: {_cause(child)}")

    def _collect(self) -> list[str]:
        """The names of the file's tests with their parameters: `test_page[1000]`."""
        try:
            done = subprocess.run(
                [sys.executable, *_PYTEST, *_PLUGIN, "--collect-only", self._scenario],
                cwd=self._project,
                env=self._children.environment() | _ENVIRONMENT,
                capture_output=True,
                text=True,
                timeout=_COLLECT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BenchmarkFileError(
                f"pytest does not collect it within {_COLLECT_S:g} s",
                "Let the file measure in its functions, and do nothing at import",
            ) from None
        if done.returncode not in (0, 5):  # 5: no test was collected
            place = re.search(rf"{re.escape(self._scenario)}:(\d+)", done.stdout)
            errors = [line[2:].strip() for line in done.stdout.splitlines() if line[:2] == "E "]
            raise BenchmarkFileError(
                f"pytest cannot collect it: {(errors or ['see its output'])[-1]}",
                f"Correct it until `pytest {self._scenario}` runs",
                int(place[1]) if place else None,
            )
        lines = [line for line in done.stdout.splitlines() if "::" in line]
        return [line.partition("::")[2] for line in lines]


def _options(window_s: float) -> list[str]:
    return [
        "--benchmark-only",
        f"--benchmark-max-time={window_s:g}",
        f"--benchmark-min-rounds={MIN_ROUNDS}",
        f"--benchmark-min-time={window_s / ROUNDS:.9f}",
    ]


def _read(output: Path, statistic: Statistic, node: str) -> Measured:
    try:
        found = json.loads(output.read_text(encoding="utf-8"))["benchmarks"]
    except (OSError, ValueError):
        found = []
    if len(found) != 1:
        raise BenchmarkError(f"{node} measured nothing: was it skipped?")
    stats = found[0]["stats"]
    rounds = tuple(map(float, stats["data"]))
    if not rounds or min(rounds) <= 0:
        raise BenchmarkError(f"{node} took no time that its clock could measure")
    counts = {name: value for name, value in found[0]["extra_info"].items() if type(value) is int}
    timing = Timing(
        statistic, len(rounds), stats["iterations"], float(stats["min"]), float(stats["median"])
    )
    return Measured(timing, counts, rounds)


def _cause(child: Child) -> str:
    """The last error that pytest reported, or the last line that the process printed."""
    lines = child.log_tail(60).splitlines()
    errors = [line[2:].strip() for line in lines if line[:2] == "E "]
    return (errors or [line for line in lines if line.strip()] or ["it printed nothing"])[-1]


def _level_id(level: float) -> str:
    """A parameter as in the id of a test: 1000, not 1000.0."""
    return str(int(level)) if level == int(level) else repr(level)
