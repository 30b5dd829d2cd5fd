"""Which target, drivers and loop a run gets: the concrete parts, made and started."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from lab.cli.preflight import RunParts, collect_benchmark, start_driver, start_soak_drivers
from lab.errors import UsageError
from lab.experiment import (
    BenchmarkBlocks,
    BlockLoop,
    LoadTrials,
    Session,
    SlicedBlockLoop,
    SoakLoop,
)
from lab.hypothesis import Benchmark, Hypothesis, SoakTest
from lab.instruments.instrument_interfaces import Driver
from lab.instruments.metrics_scraper import divided_series
from lab.machine.conditions import code_invariants, invariants
from lab.machine.cpu_pinning import Cores
from lab.processes.child_processes import Children
from lab.runs.run_folder import RunFolder
from lab.system import FILE, System
from lab.targets.benchmark_target import BenchmarkTarget
from lab.targets.local_target import LocalTarget
from lab.targets.postgres_databases import users_server_url
from lab.targets.revision_worktrees import lay_scenarios
from lab.targets.target_interface import Target, TargetUsageError
from lab.trials.plan import Plan

TARGETS = ("local", "compose", "url")

MakeSession = Callable[[Plan, RunFolder, float], Session]
Stop = Callable[[], None]


class TargetParts(NamedTuple):
    """What a target is made of."""

    system: System
    children: Children
    project: Path
    cores: Cores
    notify: Callable[[str], None] = lambda text: None
    anyway: bool = False
    revisions: Mapping[str, Path] = MappingProxyType({})


@dataclass(frozen=True)
class StartedParts:
    """The parts of a run that differ from kind to kind, started.

    Attributes:
        session: Makes the session from plan, run folder and when the command began (monotonic s).
        conditions: What is recorded of driver and target.
        stop: Stops the target.
    """

    session: MakeSession
    conditions: Mapping[str, Any]
    stop: Stop


def target_of_run(hypothesis: Hypothesis, system: System) -> str:
    """The target of a run that names none; of a benchmark always this machine."""
    if isinstance(hypothesis.kind, Benchmark):
        return BenchmarkTarget.name
    return default_target(system)


def default_target(system: System) -> str:
    """The target that `lab.toml` describes, the first of them."""
    described = (system.processes, system.compose, system.url)
    return next(name for name, spec in zip(TARGETS, described, strict=True) if spec)


def require_described(name: str, system: System, root: Path) -> None:
    """UsageError if `lab.toml` does not describe the target of that name."""
    if name not in TARGETS:
        raise UsageError(f"--target {name}: no such target. Write one of {', '.join(TARGETS)}")
    if name == "compose" and system.compose is None:
        raise UsageError(f"--target compose: {root / FILE} has no table [compose]. Add one")
    if name == "url" and system.url is None:
        raise UsageError(f"--target url: {root / FILE} has no table [url]. Add one")
    if name == "local" and not system.processes:
        raise UsageError(f"--target local: {root / FILE} has no [[process]]. Add one")


def make_target(name: str, parts: TargetParts) -> Target:
    """The target of that name, not started. UsageError if `lab.toml` does not describe it."""
    system, children, root, cores, notify, anyway, revisions = parts
    require_described(name, system, root)
    if name == "compose":
        from lab.targets.compose_target import ComposeTarget

        return ComposeTarget(system, children, root, cores, notify, anyway=anyway)
    if name == "url":
        from lab.targets.url_target import UrlTarget

        return UrlTarget(system, children, root, anyway=anyway)
    return LocalTarget(
        system,
        children,
        root,
        cores,
        users_server_url(),
        notify,
        anyway=anyway,
        revisions=revisions,
    )


def target_of(name: str, parts: RunParts) -> Target:
    """The target of a run."""
    return make_target(
        name,
        TargetParts(
            parts.system,
            parts.children,
            parts.project.root,
            parts.cores,
            parts.notify,
            parts.anyway,
            parts.revisions,
        ),
    )


def bring_up(
    parts: RunParts,
    target: str,
    report_stage: Callable[[str], None],
    at_exit: Callable[[Stop], object],
) -> StartedParts:
    """Check what a hypothesis needs, then start it.

    Args:
        parts: What to run.
        target: Name of the target.
        report_stage: Called with what is done next, for the display.
        at_exit: Called, before anything is started, with what stops it.

    Raises:
        UsageError: The hypothesis does not fit the target.
        LabError: What else is wrong or fails.
    """
    if isinstance(parts.hypothesis.kind, Benchmark):
        return _bring_up_benchmark(parts, parts.hypothesis.kind, target, report_stage, at_exit)
    return _bring_up_service(parts, target, report_stage, at_exit)


def _bring_up_service(
    parts: RunParts,
    target_name: str,
    report_stage: Callable[[str], None],
    at_exit: Callable[[Stop], object],
) -> StartedParts:
    hypothesis, cores = parts.hypothesis, parts.cores
    target = target_of(target_name, parts)
    at_exit(target.stop)
    if hypothesis.allow.crash and target.name == "compose":
        raise UsageError(
            "`allow: {crash: true}` needs the local target: a container that is started again "
            "may answer at another port. Use --target local"
        )
    if isinstance(hypothesis.kind, SoakTest) and target.name == "url":
        raise UsageError(
            "a soak needs processes that the lab starts anew for every block, and those of a URL "
            "are not its own. Use --target local"
        )
    report_stage("checking the arms' settings and the scenario")
    make_session, driver = _service_session(parts, target)
    report_stage("starting the arms")
    target.start(hypothesis.arms)
    refuse_divided_metrics(target, hypothesis.arms)
    return StartedParts(
        make_session,
        {
            "driver": {**driver, "cores": list(cores.driver)},
            "target": _target_conditions(target, cores),
        },
        target.stop,
    )


def refuse_divided_metrics(target: Target, arms: Iterable[str]) -> None:
    """TargetUsageError if a page of metrics is that of one process of several, now this, now that.

    Args:
        target: Started, and not loaded yet.
        arms: Their names.
    """
    path = target.loaded.metrics
    if path is None:
        return
    for url in dict.fromkeys(map(target.url, arms)):
        if series := divided_series(url, path):
            raise TargetUsageError(
                f"{url}{path}: several processes answer in turn, each with metrics of its own: "
                f"{series} fell between two requests, although nobody loads it. Let one page add "
                "them up (prometheus_client: PROMETHEUS_MULTIPROC_DIR), or remove `metrics` from "
                f"{FILE}"
            )


def _service_session(parts: RunParts, target: Target) -> tuple[MakeSession, dict[str, Any]]:
    """What makes the session of a load test or a soak, and the conditions of its driver(s)."""
    hypothesis, root, code = parts.hypothesis, parts.project.root, parts.system.code
    revisions = sorted(set(parts.revisions.values()))
    if not isinstance(hypothesis.kind, SoakTest):
        driver = start_driver(parts, target)

        def load_session(plan: Plan, run_folder: RunFolder, began: float) -> Session:
            trials = LoadTrials(hypothesis, plan, run_folder, target, driver)
            unchanged = partial(invariants, root, driver.pid, code, revisions)
            return BlockLoop(
                hypothesis, plan, run_folder, trials, began, unchanged, parts.cores.all
            )

        return load_session, _driver_conditions([driver])

    drivers = start_soak_drivers(parts, target)
    pid = next(iter(drivers.values())).pid
    unchanged = partial(invariants, root, pid, code, revisions)
    if hypothesis.is_soak_script:  # read again in every block, by a new process
        unchanged = partial(code_invariants, root, code, revisions)

    def soak_session(plan: Plan, run_folder: RunFolder, began: float) -> Session:
        return SoakLoop(hypothesis, plan, run_folder, target, drivers, began, invariants=unchanged)

    return soak_session, _driver_conditions(list(drivers.values()))


def _bring_up_benchmark(
    parts: RunParts,
    kind: Benchmark,
    target_name: str,
    report_stage: Callable[[str], None],
    at_exit: Callable[[Stop], object],
) -> StartedParts:
    if target_name != BenchmarkTarget.name:
        raise UsageError("a benchmark runs on this machine only: leave --target out")
    hypothesis, root, cores = parts.hypothesis, parts.project.root, parts.cores
    revisions = sorted(set(parts.revisions.values()))
    for folder in revisions:
        lay_scenarios(root, folder)
    target = BenchmarkTarget(parts.children, cores, users_server_url(), kind.database)
    at_exit(target.stop)
    report_stage("collecting the benchmark" + (", starting PostgreSQL" if kind.database else ""))
    with ThreadPoolExecutor(1, "database") as beside:
        started = beside.submit(target.start, hypothesis.steps)
        file, function = collect_benchmark(parts)
        started.result()

    def session(plan: Plan, run_folder: RunFolder, began: float) -> Session:
        blocks = BenchmarkBlocks(hypothesis, plan, run_folder, target, file, function)
        unchanged = partial(code_invariants, root, parts.system.code, revisions)
        return SlicedBlockLoop(hypothesis, plan, run_folder, blocks, began, unchanged, cores.all)

    return StartedParts(session, {"target": _target_conditions(target, cores)}, target.stop)


def _driver_conditions(drivers: Sequence[Driver]) -> dict[str, Any]:
    """The process of the (first) driver, and the workers of all."""
    joined = [name for each in drivers for name in each.workers]
    return {"pid": drivers[0].pid, **({"workers": len(joined), "joined": joined} if joined else {})}


def _target_conditions(target: Target | BenchmarkTarget, cores: Cores) -> dict[str, Any]:
    return {"name": target.name, "cores": list(cores.target), **target.conditions()}
