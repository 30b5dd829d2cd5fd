"""Checks of scenario and settings that need no service and no database, for `lab check` and run.

What is started for them, a load driver above all, is then used by the run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from lab.cli.scenario_environment import remedy_of_scenario
from lab.cli.worker_fleet import how_to_join
from lab.driver_messages import FormFleet
from lab.files.project_folder import Project
from lab.hypothesis import (
    Benchmark,
    ClosedLoad,
    Hypothesis,
    HypothesisError,
    LoadTest,
    Sweep,
    scenario_digests,
)
from lab.instruments.benchmark_file import BenchmarkFile, Code
from lab.instruments.benchmark_selection import BenchmarkFileError, BenchmarkFunction, Wanted
from lab.instruments.instrument_interfaces import Driver
from lab.instruments.locust_driver_process import DriverError, LoadDriver, ScenarioError
from lab.instruments.soak_script_driver import SoakScriptDriver
from lab.machine.cpu_pinning import Cores
from lab.processes.child_processes import Children
from lab.system import System
from lab.targets.command_environment import import_path, search_path
from lab.targets.postgres_databases import server_hosts, users_server_url
from lab.targets.revision_worktrees import folders_of_files
from lab.targets.target_interface import SettingError, Target


class RunParts(NamedTuple):
    """What every kind of run is made of."""

    hypothesis: Hypothesis
    file: Path  # of the hypothesis, for messages
    children: Children
    project: Project
    cores: Cores
    system: System
    notify: Callable[[str], None] = lambda text: None  # gets what the user should know meanwhile
    anyway: bool = False  # whether a setting is accepted that no source file names
    revisions: Mapping[str, Path] = MappingProxyType({})  # the folder of each arm's code
    fleet: FormFleet | None = None  # the workers that share the load of a driver

    @property
    def scenario(self) -> Path:
        """The file of the scenario."""
        return self.project.root / self.hypothesis.scenario

    @property
    def allowed(self) -> tuple[str, ...]:
        """What scenarios may connect to beside this machine, sockets of the run's own among it."""
        database = server_hosts(url) if (url := users_server_url()) else ()
        return (*self.system.safety.allow_hosts, str(self.children.folder), *database)


def start_driver(parts: RunParts, target: Target) -> LoadDriver:
    """Start a load driver and let it import the scenario.

    Raises:
        HypothesisError: The target does not accept a setting, or the import fails.
        UsageError: Workers cannot join at the address that is meant for them.
        DriverError: Workers do not join, or have other files.
    """
    hypothesis, fleet = parts.hypothesis, parts.fleet
    driver = LoadDriver(
        parts.children,
        parts.project.root,
        parts.cores.driver,
        notify=parts.notify,
        allowed=parts.allowed,
        fleet=fleet,
    )
    _check_settings(parts, target)  # while the driver starts
    files: Mapping[str, str] = {}
    if fleet is not None:
        files = scenario_digests(parts.project.root, hypothesis.scenario)
        if fleet.remote:
            parts.notify(how_to_join(fleet))
    try:
        driver.load(parts.scenario, _is_open_load(hypothesis), files)
    except (ScenarioError, DriverError) as error:
        if fleet is not None and isinstance(error, DriverError):
            raise  # of the workers, not of what the file says
        file, line = None, None
        if isinstance(error, ScenarioError):
            file, line = error.file, error.line
        raise HypothesisError(
            Path(file) if file else parts.scenario,
            line,
            f"the scenario of {hypothesis.name} cannot be used: {error}",
            remedy_of_scenario(hypothesis, parts.file, parts.project.root, str(error))
            or f"Correct it until `lab check {hypothesis.name}` accepts it",
        ) from error
    return driver


def start_soak_drivers(parts: RunParts, target: Target) -> dict[str, Driver]:
    """A driver for each arm of a soak, by arm; raises as `start_driver`."""
    hypothesis = parts.hypothesis
    if not hypothesis.is_soak_script:
        return {arm: start_driver(parts, target) for arm in hypothesis.arms}
    _check_settings(parts, target)
    _check_soak_script(parts)
    return {
        arm: SoakScriptDriver(
            parts.children,
            parts.project.root,
            parts.scenario,
            parts.cores.driver,
            allowed=parts.allowed,
        )
        for arm in hypothesis.arms
    }


def collect_benchmark(parts: RunParts) -> tuple[BenchmarkFile, BenchmarkFunction]:
    """The benchmark file and the function in it, as pytest collects them.

    Raises:
        HypothesisError: The file cannot be collected, lacks a function or a level, or an arm sets
            what the file never reads.
    """
    hypothesis = parts.hypothesis
    kind = hypothesis.kind
    assert isinstance(kind, Benchmark)
    _refuse_unread_settings(parts)
    file = BenchmarkFile(
        parts.children,
        parts.project.root,
        parts.cores,
        hypothesis.scenario,
        parts.notify,
        parts.allowed,
        _codes(parts),
    )
    wanted = Wanted(hypothesis.scenario, kind.function, kind.parameter, kind.fixed_parameters)
    settings = hypothesis.arms[hypothesis.control]
    if kind.database:  # it is started later, but the file may read its address when imported
        settings = {"DATABASE_URL": "postgresql://127.0.0.1/", **settings}
    try:
        return file, file.select(wanted, settings, hypothesis.control)
    except BenchmarkFileError as error:
        found = error.problem
        raise HypothesisError(
            parts.project.root / (found.file or hypothesis.scenario),
            found.line,
            found.message,
            remedy_of_scenario(hypothesis, parts.file, parts.project.root, found.message)
            or found.remedy,
        ) from error


def _codes(parts: RunParts) -> dict[str, Code]:
    """What the processes of arms import and start that are revisions."""
    return {
        arm: Code(
            folder,
            import_path(folder, with_packages=True),
            search_path(folder),
            folders_of_files(parts.project.root, folder),
        )
        for arm, folder in parts.revisions.items()
    }


def _is_open_load(hypothesis: Hypothesis) -> bool:
    match hypothesis.kind:
        case LoadTest(load=ClosedLoad() | Sweep(axis="users")):
            return False
        case _:
            return True


def _check_settings(parts: RunParts, target: Target) -> None:
    try:
        target.check(parts.hypothesis.arms)
    except SettingError as error:
        raise HypothesisError(
            parts.file,
            _line(parts.hypothesis.text, error.arm, error.setting),
            str(error),
            error.remedy,
        ) from error


def _check_soak_script(parts: RunParts) -> None:
    """Compile it, so that a syntax error is found before the first block."""
    path, scenario = parts.scenario, parts.hypothesis.scenario
    try:
        compile(path.read_text(encoding="utf-8"), str(path), "exec")
    except (SyntaxError, ValueError, OSError) as error:
        raise HypothesisError(
            path,
            error.lineno if isinstance(error, SyntaxError) else None,
            f"the soak script of {parts.hypothesis.name} cannot be run: {error}",
            f"Correct it until `python -m py_compile {scenario}` succeeds",
        ) from error


def _refuse_unread_settings(parts: RunParts) -> None:
    """A misspelt setting would change nothing, and equal arms would be compared."""
    hypothesis = parts.hypothesis
    folders = [each for each in parts.scenario.parents if each.is_relative_to(parts.project.root)]
    conftests = [folder / "conftest.py" for folder in folders]
    files = [parts.scenario, *filter(Path.is_file, conftests)]
    text = "\n".join(each.read_text(encoding="utf-8") for each in files)
    for arm, settings in hypothesis.arms.items():
        for setting in settings:
            if not re.search(rf"\b{re.escape(setting)}\b", text):
                raise HypothesisError(
                    parts.file,
                    _line(hypothesis.text, arm, setting),
                    f"arm {arm}: {setting} is not named in {hypothesis.scenario}",
                    f'Read it there, as in os.environ.get("{setting}")',
                )


def _line(text: str, arm: str, setting: str) -> int | None:
    """The line on which an arm sets this, or else the first on which it is named."""
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(rf"\b{re.escape(setting)}\b", line)
    ]
    own = [number for number, line in lines if line.strip().startswith(f"{arm}:")]
    return next(iter(own or [number for number, _ in lines]), None)
