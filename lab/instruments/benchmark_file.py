"""A pytest-benchmark file: what it holds, and the processes that run it.

The calls of one process share its memory layout and hash seed. Taken as samples, they call equal
code different in 40 to 89 % of comparisons (on what to repeat: Kalibera & Jones, 2013), so that
every block has fresh processes.
"""

from __future__ import annotations

import itertools
import shlex
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from lab import network_guard
from lab.hypothesis import Step
from lab.instruments.benchmark_outcome import Problem, Request
from lab.instruments.benchmark_process import START_S, BenchmarkError, BenchmarkProcess
from lab.instruments.benchmark_selection import (
    BenchmarkFileError,
    BenchmarkFunction,
    Wanted,
    select,
)
from lab.instruments.project_files import ProjectFiles
from lab.instruments.service_profiler import PROFILE_S, read_profile
from lab.machine.cpu_pinning import Cores
from lab.processes.child_processes import Children

_COLLECT_S = 25.0
_PROFILE_SLACK = 20.0  # limit for a profile, in its own length
_PROFILED_S = 0.1  # that a process measures before it is profiled
_DO_NOTHING = "Let the file do nothing at import, and measure in its functions"
_DO_LESS = "Let it do less"

# No plugins but those that the file names: others could cost more than what is measured.
_ENVIRONMENT = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONUNBUFFERED": "1"}
_PYTEST = (
    *("-m", "pytest", "-q", "-p", "no:cacheprovider", "--color=no"),
    *("-c", "/dev/null", "--rootdir", ".", "--confcutdir", ".", "--import-mode=importlib"),
    *("-p", "pytest_benchmark.plugin", "-p", "lab.instruments.benchmark_plugin"),
)


class Code(NamedTuple):
    """What the processes of an arm import and start.

    Attributes:
        folder: They run in it.
        import_path: PYTHONPATH; "" for none.
        search_path: PATH, by which they find the programs that they start; "" for that of the lab.
        revision: If it is a revision: the folder of its files, and that of the working tree.
    """

    folder: Path
    import_path: str = ""
    search_path: str = ""
    revision: tuple[Path, Path] | None = None

    def environment(self) -> dict[str, str]:
        """The environment variables by which they find that."""
        paths = {"PYTHONPATH": self.import_path, "PATH": self.search_path}
        return {name: path for name, path in paths.items() if path}


class BenchmarkFile:
    """A benchmark file, as pytest collects and runs it.

    Args:
        children: Starts the processes.
        project: The folder that they run in.
        cores: Processes start on all of them, and measure on those of the target.
        scenario: The file, relative to the project.
        notify: Called with what a process is waited for, if that takes long.
        allowed: What processes may connect to beside this machine; see `NetworkGuard`.
        codes: The code of each arm that runs another one than that of the project.
    """

    def __init__(
        self,
        children: Children,
        project: Path,
        cores: Cores,
        scenario: str,
        notify: Callable[[str], None] = lambda text: None,
        allowed: Iterable[str] = (),
        codes: Mapping[str, Code] | None = None,
    ) -> None:
        self.children = children
        self._allowed = {network_guard.VARIABLE: ",".join(allowed)}
        self.cores = cores
        self._project = Code(project)
        self._codes = codes or {}
        self._files = ProjectFiles(project)
        self._scenario = scenario
        self._notify = notify
        self._numbers = itertools.count(1)

    @property
    def abreast(self) -> int:
        """How many processes to start at the same time: no core is idle while one is held."""
        return len(self.cores.all) + 1

    def select(
        self, wanted: Wanted, env: Mapping[str, str], arm: str | None = None
    ) -> BenchmarkFunction:
        """Collect the file, under a time limit, and find the function with all its levels.

        Args:
            wanted: Which function, and its parameters.
            env: The settings of an arm: the file may read them when it is imported.
            arm: Whose code it imports.

        Raises:
            BenchmarkFileError: pytest cannot collect the file, or there is no such function.
        """
        with self._redacted():
            try:
                process = self._start(["--collect-only", self._scenario], env, arm=arm)
                outcome = process.outcome(_COLLECT_S, _DO_NOTHING)
            except BenchmarkError as error:
                raise BenchmarkFileError(self._with_remedy(error.problem, env)) from error
            if outcome.problems:
                raise BenchmarkFileError(self._with_remedy(outcome.problems[0], env))
            return select(outcome, wanted)

    def start(self, node: str, step: Step, env: Mapping[str, str]) -> BenchmarkProcess:
        """Start a process that comes to the call of `benchmark(...)` and is held there.

        It starts on all cores: `BenchmarkProcess.pin` keeps it on those of the target.

        Args:
            node: The id of the test.
            step: The arm and the level.
            env: The settings of the arm.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            return self._start([node], env, step=step, arm=step.arm, turns=(ours, theirs.fileno()))

    def profile(self, node: str, step: Step, env: Mapping[str, str]) -> str:
        """Run one process that measures and is then profiled; the profile as text."""
        output = self.children.folder / f"profile-{step.arm}.json"
        process = self._start([node], env, step=step, arm=step.arm, profile=output)
        process.pin(self.cores.target)
        outcome = process.outcome(START_S + _PROFILE_SLACK * PROFILE_S, _DO_LESS)
        if outcome.problems and not output.is_file():
            problem = self.children.passed.redact_record(outcome.problems[0])
            raise BenchmarkError(problem, step)
        return read_profile(output)

    @contextmanager
    def _redacted(self) -> Iterator[None]:
        """Redact what an error inside says of the values that the file was passed."""
        try:
            yield
        except BenchmarkFileError as error:
            problem = self.children.passed.redact_record(error.problem)
            raise BenchmarkFileError(problem) from error

    def _start(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str],
        *,
        step: Step | None = None,
        arm: str | None = None,
        turns: tuple[socket.socket, int] | None = None,
        profile: Path | None = None,
    ) -> BenchmarkProcess:
        """Start pytest in a process of its own."""
        ours, theirs = turns or (None, None)
        code = self._project if arm is None else self._codes.get(arm, self._project)
        request = Request(
            output=str(self.children.folder / f"benchmark-{next(self._numbers)}.json"),
            folder=str(code.folder / Path(self._scenario).parent),
            window_s=0.0 if profile is None else _PROFILED_S,
            profile=None if profile is None else str(profile),
            turns=theirs,
            revision=code.revision and (str(code.revision[0]), str(code.revision[1])),
        )
        Path(request.stage).write_text("the start of pytest", encoding="utf-8")
        storage = self.children.folder / "benchmarks"  # not `.benchmarks` in the project
        child = self.children.start(
            [sys.executable, *_PYTEST, f"--benchmark-storage=file://{storage}", *arguments],
            role="benchmark",
            arm=None if step is None else str(step).replace(" ", "-"),
            cwd=code.folder,
            env={
                **self._threads(),
                **env,
                **_ENVIRONMENT,
                **self._allowed,
                **request.to_environment(),
                **code.environment(),
            },
            cores=self.cores.all,
            pass_fds=() if theirs is None else (theirs,),
        )
        node = arguments[-1]
        return BenchmarkProcess(
            self.children, child, request, self._files, step, node, ours, self._notify
        )

    def _threads(self) -> dict[str, str]:
        """Libraries with threads of their own count the cores on which a process starts.

        They are to have as many threads as there are cores to measure on.
        """
        cores = len(self.cores.target)
        return {"OMP_NUM_THREADS": str(cores)} if cores else {}

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
