"""The concrete parts, put together."""

from __future__ import annotations

import re
from pathlib import Path

from lab.config import Project
from lab.hypothesis import Hypothesis, HypothesisError, OpenLoad
from lab.instruments.base import Driver
from lab.instruments.load import DriverError, LoadDriver, ScenarioError
from lab.instruments.script import ScriptDriver
from lab.processes import Children, Cores, divide_cores
from lab.targets.base import SettingError, Target, TargetError
from lab.targets.embedded import EmbeddedTarget, database_url_given

TARGETS = ("embedded", "compose")


def make_target(name: str, children: Children, project: Project, cores: Cores) -> Target:
    """The target of that name."""
    if name not in TARGETS:
        raise TargetError(f"no target {name!r}; known are: {', '.join(TARGETS)}", usage=True)
    if name == "compose":
        from lab.targets.compose import ComposeTarget

        return ComposeTarget(children, project.root, cores)
    return EmbeddedTarget(children, project.root, cores, database_url_given())


def ready_drivers(
    hypothesis: Hypothesis,
    file: Path,
    target: Target,
    children: Children,
    project: Project,
    cores: Cores,
) -> dict[str, Driver]:
    """A driver per arm of a soak, each ready; raises as `ready_driver`."""
    scenario = project.root / hypothesis.scenario
    if not hypothesis.script:
        return {
            arm: ready_driver(hypothesis, file, target, children, project, cores)
            for arm in hypothesis.arms
        }
    _check_settings(hypothesis, file, target)
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
        arm: ScriptDriver(children, project.root, scenario, cores.driver) for arm in hypothesis.arms
    }


def ready_driver(
    hypothesis: Hypothesis,
    file: Path,
    target: Target,
    children: Children,
    project: Project,
    cores: Cores,
) -> LoadDriver:
    """The driver with the scenario loaded, and the arms' settings known to the service.

    Raises HypothesisError where either does not hold: nothing of the target was started then.
    """
    driver = LoadDriver(children, project.root, cores.driver)
    _check_settings(hypothesis, file, target)
    scenario = project.root / hypothesis.scenario
    try:
        driver.load(scenario, isinstance(hypothesis.load_at(hypothesis.levels[0]), OpenLoad))
    except (ScenarioError, DriverError) as error:
        line = error.line if isinstance(error, ScenarioError) else None
        raise HypothesisError(
            scenario,
            line,
            f"the scenario of {hypothesis.name} cannot be imported: {error}",
            f"Mend it until `locust -f {hypothesis.scenario}` starts",
        ) from error
    return driver


def _check_settings(hypothesis: Hypothesis, file: Path, target: Target) -> None:
    try:
        target.check(hypothesis.arms)
    except SettingError as error:
        raise HypothesisError(
            file,
            _line(hypothesis.text, error.arm, error.setting),
            str(error),
            "See service/settings.py for the settings that there are",
        ) from error


def _line(text: str, arm: str, setting: str) -> int | None:
    """Where an arm sets this; where none does so by itself, the settings common to all."""
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(rf"\b{re.escape(setting)}\b", line)
    ]
    own = [number for number, line in lines if line.strip().startswith(f"{arm}:")]
    return next(iter(own or [number for number, _ in lines]), None)


def checked(hypothesis: Hypothesis, file: Path, project: Project) -> None:
    """Check a hypothesis as far as can be done without a service or a database."""
    with Children() as children:
        cores = divide_cores()
        target = make_target("embedded", children, project, cores)
        ready = ready_driver if hypothesis.soak is None else ready_drivers
        ready(hypothesis, file, target, children, project, cores)
