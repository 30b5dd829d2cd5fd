"""The command of `lab.toml` that brings an arm back to its first state before each trial."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from lab.processes.child_processes import Children
from lab.system import FILE, System
from lab.system.placeholders import is_setting
from lab.targets.command_environment import search_path, with_program
from lab.targets.finished_command import await_success
from lab.targets.target_interface import TargetUsageError


class ResetCommand:
    """The root's `reset`, as every target runs it; does nothing if there is none.

    Args:
        system: As `lab.toml` describes it.
        children: Starts the command.
        project: The folder of `lab.toml`.
    """

    def __init__(self, system: System, children: Children, project: Path) -> None:
        self._command = system.reset
        self._defaults = system.defaults
        self._children = children
        self._project = project

    @property
    def exists(self) -> bool:
        """Whether there is one."""
        return self._command is not None

    @property
    def placeholders(self) -> tuple[str, ...]:
        """Those of the command."""
        return () if self._command is None else self._command.placeholders

    def check(
        self,
        settings: Mapping[str, str],
        known: Iterable[str],
        remedy: str = "",
        code: Path | None = None,
    ) -> None:
        """Whether it can be run for an arm.

        Args:
            settings: Of the arm.
            known: The placeholders that have a value beside the settings.
            remedy: What to write in place of another one.
            code: The folder that it runs in, if it is not the project's.

        Raises:
            TargetUsageError: There is no such program, or a placeholder has no value.
            UnfilledPlaceholder: It names a setting that the arm does not have.
        """
        if self._command is None:
            return
        values = {**self._defaults, **settings, **dict.fromkeys(known, "")}
        for name in self.placeholders:
            if name not in values and not is_setting(name):
                raise TargetUsageError(
                    f"{self._project / FILE}:{self._command.line}: `reset` has the placeholder "
                    f"{{{name}}}, which has no value with this target. {remedy}"
                )
        words = self._command.fill(values)
        if not self._command.words[0].placeholders:
            with_program(self._command, words, self._project, code)

    def run(
        self,
        arm: str,
        settings: Mapping[str, str],
        values: Mapping[str, str],
        environment: Mapping[str, str],
        code: Path | None = None,
    ) -> None:
        """Run it to its end.

        Args:
            arm: The arm.
            settings: Of the arm.
            values: Of placeholders, beside the settings.
            environment: Variables that the command gets, beside the settings.
            code: The folder that it runs in, if it is not the project's.

        Raises:
            TargetFailure: It failed, or took too long.
        """
        if self._command is None:
            return
        code = code or self._project
        words = self._command.fill({**self._defaults, **settings, **values})
        child = self._children.start(
            with_program(self._command, words, self._project, code),
            role="reset",
            arm=arm,
            env={**self._defaults, **settings, **environment, "PATH": search_path(code)},
            cwd=code,
            whole_tree=True,
        )
        await_success(self._children, child, "`reset`")
