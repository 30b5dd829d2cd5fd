"""The concrete parts, put together."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from lab.child_processes import Children
from lab.cpu_pinning import Cores, divide_cores
from lab.errors import UsageError
from lab.experiment import BenchmarkTrials, BlockLoop, LoadTrials, Session, SoakLoop
from lab.hypothesis import (
    Benchmark,
    ClosedLoad,
    Hypothesis,
    HypothesisError,
    LoadTest,
    SoakTest,
    Sweep,
)
from lab.instruments.benchmark_process import BenchmarkFile, BenchmarkFileError
from lab.instruments.instrument_interfaces import Driver
from lab.instruments.locust_driver_process import DriverError, LoadDriver, ScenarioError
from lab.instruments.soak_script_driver import SoakScriptDriver
from lab.machine_conditions import code_invariants, invariants
from lab.project_folder import Project
from lab.run_folder import RunFolder
from lab.targets.benchmark_target import BenchmarkTarget
from lab.targets.embedded_target import EmbeddedTarget
from lab.targets.postgres_databases import users_server_url
from lab.targets.target_interface import SettingError, Target
from lab.trial_plan import Plan

TARGETS = ("embedded", "compose")


def make_target(name: str, children: Children, project: Project, cores: Cores) -> Target:
    """The target of that name."""
    if name not in TARGETS:
        raise UsageError(f"no target {name!r}; known are: {', '.join(TARGETS)}")
    if name == "compose":
        from lab.targets.compose_target import ComposeTarget

        return ComposeTarget(children, project.root, cores)
    return EmbeddedTarget(children, project.root, cores, users_server_url())


class RunParts(NamedTuple):
    """What every kind of run is put together from."""

    hypothesis: Hypothesis
    file: Path
    children: Children
    project: Project
    cores: Cores


def ready_drivers(parts: RunParts, target: Target) -> dict[str, Driver]:
    """A driver per arm of a soak, each ready; raises as `ready_driver`."""
    hypothesis, _, children, project, cores = parts
    scenario = project.root / hypothesis.scenario
    if not hypothesis.is_soak_script:
        return {arm: ready_driver(parts, target) for arm in hypothesis.arms}
    _check_settings(parts, target)
    try:
        compile(scenario.read_text(encoding="utf-8"), str(scenario), "exec")
    except (SyntaxError, ValueError, OSError) as error:
        line = error.lineno if isinstance(error, SyntaxError) else None
        raise HypothesisError(
            scenario,
            line,
            f"the soak script of {hypothesis.name} cannot be run: {error}",
            f"Mend it until `python {hypothesis.scenario} URL` runs",
        ) from error
    return {
        arm: SoakScriptDriver(children, project.root, scenario, cores.driver)
        for arm in hypothesis.arms
    }


def ready_driver(parts: RunParts, target: Target) -> LoadDriver:
    """The driver with the scenario loaded, and the arms' settings known to the service.

    Raises HypothesisError where either does not hold: nothing of the target was started then.
    """
    hypothesis, _, children, project, cores = parts
    driver = LoadDriver(children, project.root, cores.driver)
    _check_settings(parts, target)
    scenario = project.root / hypothesis.scenario
    try:
        driver.load(scenario, _is_open_load(hypothesis))
    except (ScenarioError, DriverError) as error:
        line = error.line if isinstance(error, ScenarioError) else None
        raise HypothesisError(
            scenario,
            line,
            f"the scenario of {hypothesis.name} cannot be imported: {error}",
            f"Mend it until `locust -f {hypothesis.scenario}` starts",
        ) from error
    return driver


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
            "See service/settings.py for the settings that there are",
        ) from error


def ready_benchmark(parts: RunParts) -> tuple[BenchmarkFile, str]:
    """The benchmark file and the function in it, collected by pytest with all its levels.

    Raises HypothesisError where that fails, or where an arm sets what the file never reads.
    """
    hypothesis, _, children, project, cores = parts
    benchmark = hypothesis.kind
    assert isinstance(benchmark, Benchmark)
    _refuse_unread_settings(parts)
    bench = BenchmarkFile(children, project.root, cores.target, hypothesis.scenario)
    try:
        function = bench.check(benchmark.function, benchmark.parameter)
    except BenchmarkFileError as error:
        raise HypothesisError(
            project.root / hypothesis.scenario, error.line, error.problem, error.remedy
        ) from error
    return bench, function


def _refuse_unread_settings(parts: RunParts) -> None:
    """A misspelt setting would change nothing, and equal arms would be compared."""
    hypothesis = parts.hypothesis
    scenario = parts.project.root / hypothesis.scenario
    conftest = scenario.with_name("conftest.py")
    files = [scenario, conftest] if conftest.is_file() else [scenario]
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
    """Where an arm sets this; where none does so by itself, the settings common to all."""
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(rf"\b{re.escape(setting)}\b", line)
    ]
    own = [number for number, line in lines if line.strip().startswith(f"{arm}:")]
    return next(iter(own or [number for number, _ in lines]), None)


@dataclass(frozen=True)
class PreparedSession:
    """All of a run that differs from kind to kind, brought up."""

    session: Callable[[Plan, RunFolder, float], Session]  # begun at, monotonic
    conditions: Mapping[str, Any]
    stop: Callable[[], None]


def bring_up(
    parts: RunParts,
    target: str,
    stage: Callable[[str], None],
    at_end: Callable[[Callable[[], None]], None],
) -> PreparedSession:
    """Check what a hypothesis needs, then start it; what is to be stopped is told to `at_end`."""
    is_benchmark = isinstance(parts.hypothesis.kind, Benchmark)
    return (_benchmark if is_benchmark else _load)(parts, target, stage, at_end)


def _load(
    parts: RunParts,
    target_name: str,
    stage: Callable[[str], None],
    at_end: Callable[[Callable[[], None]], None],
) -> PreparedSession:
    hypothesis, _, children, project, cores = parts
    target = make_target(target_name, children, project, cores)
    at_end(target.stop)
    if hypothesis.allow.crash and target.name == "compose":
        raise UsageError(
            "`allow: {crash: true}` needs the embedded target: a container that is started again "
            "may answer at another port. Leave --target out"
        )
    stage("checking the arms' settings and the scenario")
    is_soak = isinstance(hypothesis.kind, SoakTest)
    drivers = ready_drivers(parts, target) if is_soak else {"": ready_driver(parts, target)}
    driver = next(iter(drivers.values()))
    stage("starting the arms")
    target.start(hypothesis.arms)
    unchanged = partial(invariants, project.root, driver.pid)
    if hypothesis.is_soak_script:  # every life begins by reading it
        unchanged = partial(code_invariants, project.root)

    def session(plan: Plan, run_folder: RunFolder, began: float) -> Session:
        if is_soak:
            return SoakLoop(
                hypothesis, plan, run_folder, target, drivers, began, invariants=unchanged
            )
        assert isinstance(driver, LoadDriver)
        trials = LoadTrials(hypothesis, plan, run_folder, target, driver)
        return BlockLoop(hypothesis, plan, run_folder, trials, began, invariants=unchanged)

    return PreparedSession(
        session,
        {
            "driver": {"pid": driver.pid, "cores": list(cores.driver)},
            "target": {"name": target.name, "cores": list(cores.target), **target.conditions()},
        },
        target.stop,
    )


def _benchmark(
    parts: RunParts,
    target_name: str,
    stage: Callable[[str], None],
    at_end: Callable[[Callable[[], None]], None],
) -> PreparedSession:
    if target_name != BenchmarkTarget.name:
        raise UsageError("a benchmark runs on this machine only: leave --target out")
    hypothesis, _, children, project, cores = parts
    benchmark = hypothesis.kind
    assert isinstance(benchmark, Benchmark)
    stage("collecting the benchmark")
    bench, function = ready_benchmark(parts)
    target = BenchmarkTarget(children, cores, users_server_url(), benchmark.database)
    at_end(target.stop)
    if benchmark.database:
        stage("starting PostgreSQL")
    target.start(hypothesis.arms)

    def session(plan: Plan, run_folder: RunFolder, began: float) -> BlockLoop:
        trials = BenchmarkTrials(hypothesis, run_folder, target, bench, function)
        unchanged = partial(code_invariants, project.root)
        return BlockLoop(hypothesis, plan, run_folder, trials, began, invariants=unchanged)

    return PreparedSession(
        session,
        {"target": {"name": target.name, "cores": list(cores.target), **target.conditions()}},
        target.stop,
    )


def checked(hypothesis: Hypothesis, file: Path, project: Project) -> None:
    """Check a hypothesis as far as can be done without a service or a database."""
    with Children() as children:
        parts = RunParts(hypothesis, file, children, project, divide_cores())
        if isinstance(hypothesis.kind, Benchmark):
            ready_benchmark(parts)
            return
        target = make_target("embedded", children, project, parts.cores)
        ready = ready_drivers if isinstance(hypothesis.kind, SoakTest) else ready_driver
        ready(parts, target)
