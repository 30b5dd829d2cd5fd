"""The environment of a scenario: what `pass` names and nothing else, and what refusals advise."""

from __future__ import annotations

import os
import re
from pathlib import Path

from lab.hypothesis import (
    Benchmark,
    EnvironmentRead,
    Hypothesis,
    HypothesisError,
    environment_reads,
    is_set_by_the_lab,
    scenario_files,
    why_not_passed,
)
from lab.processes.child_processes import INHERITED
from lab.processes.passed_variables import PassedVariables

_MISSING_VARIABLE = re.compile(r"KeyError: '?(\w+)'?")
_MISSING_OPTION = re.compile(r"arguments are required: (.+)")
_MISSING_MODULE = re.compile(r"No module named '([^']+)'")


def passed_variables(hypothesis: Hypothesis, file: Path) -> PassedVariables:
    """The variables that the scenario gets, with their values now.

    Raises:
        HypothesisError: One of them is not set.
    """
    for name in hypothesis.passed:
        if name not in os.environ:
            raise HypothesisError(
                file,
                _line_of_name(hypothesis.text, name),
                f"`pass` names {name}, which is not set",
                f"Set it before the lab is started: export {name}=...",
            )
    return PassedVariables({name: os.environ[name] for name in hypothesis.passed})


def refuse_withheld(
    hypothesis: Hypothesis, file: Path, project: Path, *, is_resumed: bool = False
) -> None:
    """Refuse a scenario that would read less than it does under plain Locust or pytest.

    It would take its default in silence, and something else would be measured than is meant.

    Raises:
        HypothesisError: It reads a variable that is set and not passed.
    """
    given = {*INHERITED, *hypothesis.passed}
    if isinstance(hypothesis.kind, Benchmark):
        given |= {name for settings in hypothesis.arms.values() for name in settings}
    for read in _reads(hypothesis, project):
        if read.name in os.environ and read.name not in given and not is_set_by_the_lab(read.name):
            raise HypothesisError(
                read.file,
                read.line,
                f"the scenario of {hypothesis.name} reads {read.name}, which is set, but is not "
                "passed to it",
                _remedy_of_withheld(hypothesis, read.name, file, is_resumed=is_resumed),
            )


def remedy_of_scenario(hypothesis: Hypothesis, file: Path, project: Path, problem: str) -> str:
    """What would be right if a scenario fails by itself, without a full stop; "" if unknown.

    Args:
        hypothesis: Whose scenario it is.
        file: Of the hypothesis.
        project: The folder of the project.
        problem: The error, as the process of the scenario reports it.
    """
    if missing := _MISSING_MODULE.search(problem):
        return (
            f"Install the package that has `{missing[1]}` where the lab is installed, or import "
            "what there is"
        )
    reads = [read for read in _reads(hypothesis, project) if read.name not in hypothesis.passed]
    missing = _MISSING_VARIABLE.search(problem)
    if missing and any(read.name == missing[1] for read in reads):
        return _remedy_of_unset(hypothesis, missing[1], file)
    if missing := _MISSING_OPTION.search(problem):
        options = re.split(r"[,/ ]+", missing[1])
        for read in reads:
            if read.option in options:
                return _remedy_of_unset(hypothesis, read.name, file)
        return (
            f"Give {options[0]} a `default`, or an `env_var` that the hypothesis passes: the lab "
            "has no other way to give options of a scenario"
        )
    return ""


def _remedy_of_unset(hypothesis: Hypothesis, name: str, file: Path) -> str:
    if why := why_not_passed(name):
        return f"It cannot be passed, as it {why}: let the scenario read another name"
    return (
        f"Set {name} where the lab is started, and write `{_pass_key(hypothesis, name)}` in "
        f"{file.name}: a scenario gets no other variables"
    )


def _remedy_of_withheld(hypothesis: Hypothesis, name: str, file: Path, *, is_resumed: bool) -> str:
    without = f"start the lab without it: env -u {name} lab ..."
    if is_resumed:
        return f"As when the run began, {without}"
    if why := why_not_passed(name):
        return f"It cannot be passed, as it {why}: {without}"
    return f"Write `{_pass_key(hypothesis, name)}` in {file.name}, or {without}"


def _pass_key(hypothesis: Hypothesis, name: str) -> str:
    return f"pass: [{', '.join((*hypothesis.passed, name))}]"


def _reads(hypothesis: Hypothesis, project: Path) -> list[EnvironmentRead]:
    """What the scenario and the files of the project that it uses read."""
    is_benchmark = isinstance(hypothesis.kind, Benchmark)
    try:
        used = scenario_files(project, hypothesis.scenario, is_benchmark=is_benchmark)
    except OSError:
        used = {}
    names = [hypothesis.scenario, *(name for name in used if name.endswith(".py"))]
    return [read for name in names for read in environment_reads(project / name)]


def _line_of_name(text: str, name: str) -> int | None:
    """The line below or at the key `pass` on which the name stands."""
    lines = enumerate(text.splitlines(), 1)
    after_key = False
    for number, line in lines:
        after_key = after_key or re.match(r"[\"']?pass[\"']?\s*:", line) is not None
        if after_key and re.search(rf"\b{re.escape(name)}\b", line):
            return number
    return None
