"""Whether arms set what the system knows: by its own command, or by its source files."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lab.files.source_files import named
from lab.processes.child_processes import INHERITED
from lab.system import FILE, Command, System
from lab.system.placeholders import is_setting
from lab.targets.command_environment import import_path, search_path, with_program
from lab.targets.target_interface import SettingError, TargetFailure, TargetUsageError

_ANSWER_S = 60.0

Settings = Mapping[str, str]
Needed = tuple[str, Iterable[str], Mapping[str, str]]


def validated_settings(
    system: System,
    project: Path,
    arms: Mapping[str, Settings],
    *,
    code: Path | None = None,
    anyway: bool = False,
) -> dict[str, dict[str, str]]:
    """The settings of each arm as the system spells them.

    Args:
        system: As `lab.toml` describes it.
        project: Its folder.
        arms: The settings of each arm.
        code: The folder of the code that these arms run, if it is a revision of the project.
        anyway: Whether a name that occurs nowhere is accepted.

    Raises:
        SettingError: An arm sets what the lab sets, what the system does not know, or a value that
            it does not accept; or it lacks what a placeholder needs.
        TargetFailure: The command that checks settings does not answer.
    """
    _refuse_set_by_the_lab(system, arms)
    needed = [
        (f"process {process.name}", process.placeholders, process.defaults)
        for process in system.processes
    ]
    for what, command in (("`prepare`", system.prepare), ("`reset`", system.reset)):
        if command is not None:
            needed.append((what, command.placeholders, system.defaults))
    refuse_unfilled(needed, arms)
    known = system.setting_placeholders
    unknown = {
        arm: {name: value for name, value in settings.items() if name not in known}
        for arm, settings in arms.items()
    }
    if system.check is not None:
        checked = _checked(system.check, project, code or project, unknown)
        return {arm: {**arms[arm], **checked[arm]} for arm in arms}
    if not anyway:
        _refuse_unnamed(system, code or project, unknown)
    return {arm: dict(settings) for arm, settings in arms.items()}


def _refuse_set_by_the_lab(system: System, arms: Mapping[str, Settings]) -> None:
    for arm, settings in arms.items():
        for name in settings:
            if name in system.set_by_the_lab:
                raise SettingError(
                    arm,
                    name,
                    f"{FILE} sets it itself, per arm",
                    "Remove it from the arm, or write a plain value for it in the env of the "
                    f"process in {FILE}, which an arm may replace",
                )


def refuse_unfilled(needed: Iterable[Needed], arms: Mapping[str, Settings]) -> None:
    """SettingError for a placeholder that is a setting which an arm lacks.

    Args:
        needed: What has placeholders, in words; these; and the values of all arms.
        arms: The settings of each.
    """
    for arm, settings in arms.items():
        for what, placeholders, defaults in needed:
            for name in placeholders:
                if is_setting(name) and name not in settings and name not in defaults:
                    raise SettingError(
                        arm,
                        name,
                        f"{what} in {FILE} needs {{{name}}}, and the arm does not set it",
                        f"Set it in the arm, or give it a value for all arms in {FILE}: "
                        f'env = {{{name} = "..."}}',
                    )


def _refuse_unnamed(system: System, project: Path, arms: Mapping[str, Settings]) -> None:
    """A misspelt setting would change nothing, and equal arms would be compared.

    Of `lab.toml` its `env` and the words of its commands count; a comment reads nothing.
    """
    names = {name for settings in arms.values() for name in settings}
    found = named(project, names, without={FILE}) | system.defaults.keys()
    for command in system.commands:
        found |= {name for name in names if re.search(rf"\b{re.escape(name)}\b", command.written)}
    for arm, settings in arms.items():
        for name in settings:
            if name not in found:
                raise SettingError(
                    arm,
                    name,
                    "no source file of the project names it, so that it would change nothing",
                    "Correct its spelling; or, if a package reads it that is not in this folder, "
                    "pass --anyway",
                )


def _checked(
    command: Command, project: Path, code: Path, arms: Mapping[str, Settings]
) -> dict[str, Settings]:
    """What the command of the system says: it gets the arms as JSON, and answers likewise."""
    environment = {key: os.environ[key] for key in INHERITED if key in os.environ}
    words = with_program(command, command.fill({}), project, code)
    path = {"PYTHONPATH": import_path(code)} if code != project else {}
    try:
        done = subprocess.run(
            words,
            input=json.dumps(arms),
            capture_output=True,
            text=True,
            errors="replace",
            cwd=code,
            env=environment | path | {"PATH": search_path(code)},
            timeout=_ANSWER_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TargetFailure(f"{command.written} does not answer within {_ANSWER_S:g} s") from None
    if done.returncode:
        raise TargetFailure(f"{command.written}: settings cannot be read:\n{done.stderr.strip()}")
    try:
        answers = json.loads(done.stdout)
        return {arm: _accepted(arm, arms[arm], answers[arm]) for arm in arms}
    except (ValueError, LookupError, TypeError, AttributeError):
        raise TargetFailure(
            f"{command.written} does not answer as a `check` does: for every arm that it reads as "
            '{"arm": {"NAME": "value"}}, {"arm": {"settings": {"NAME": "value"}, "errors": '
            '[{"setting": "NAME", "message": "..."}]}}'
        ) from None


def _accepted(arm: str, settings: Settings, answer: Mapping[str, Any]) -> Settings:
    for error in answer.get("errors", ()):
        raise SettingError(
            arm,
            error["setting"],
            error["message"],
            f"The `check` of {FILE} says which settings there are",
        )
    return {name: str(answer["settings"][name]) for name in settings}


def refuse_reset_of_processes(system: System, own: Command | None, target: str) -> None:
    """TargetUsageError if arms would keep what earlier trials wrote.

    Args:
        system: Its `reset` at the root is for processes of this machine.
        own: The `reset` of the target's table; None if it has none.
        target: Its name, which is that of the table.
    """
    if system.reset is not None and own is None:
        raise TargetUsageError(
            f"{FILE}: the `reset` at the root is run with --target local only, and arms would keep "
            f"what earlier trials wrote. Write one into [{target}]"
        )
