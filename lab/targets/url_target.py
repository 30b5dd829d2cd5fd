"""A system that runs already, at a URL: it is loaded and asked, and started by somebody else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from lab.processes.child_processes import NOT_OF_THE_RUN, Child, Children
from lab.processes.process_tree import listeners, uppermost
from lab.system import FILE, Command, System
from lab.targets import docker_engine
from lab.targets.arm_settings import refuse_reset_of_processes, validated_settings
from lab.targets.command_environment import search_path, with_program
from lab.targets.finished_command import await_reset, await_success
from lab.targets.process_identity import Proof, ask_settings
from lab.targets.readiness import await_ready, check_ready
from lab.targets.target_interface import Identity, Loaded, TargetFailure, TargetUsageError

ROLE = "service"


class UrlTarget:
    """Implements `Target` with the table `[url]` of `lab.toml`.

    All arms are the one system. Its settings change only by the command `switch`, before a trial
    of another arm than the last.

    Args:
        system: As `lab.toml` describes it; it names a URL.
        children: Starts the command.
        project: The folder of `lab.toml`.
        anyway: Whether a setting is accepted that no source file names.
    """

    name = "url"

    def __init__(
        self, system: System, children: Children, project: Path, *, anyway: bool = False
    ) -> None:
        assert system.url is not None
        self._system = system
        self._spec = system.url
        self._children = children
        self._project = project
        self._anyway = anyway
        self._settings: dict[str, dict[str, str]] = {}
        self._expected: dict[str, dict[str, str]] = {}
        self._active: str | None = None  # the arm whose settings hold

    @property
    def loaded(self) -> Loaded:
        """What answers at the URL."""
        return Loaded(ROLE, self._spec.metrics, self._spec.metric_names)

    @property
    def proves_settings(self) -> bool:
        """Whether it reports its settings."""
        return self._spec.settings is not None

    @property
    def is_switched(self) -> bool:
        """Whether a command changes it from arm to arm: its settings, or its state."""
        return self._spec.switch is not None or self._spec.reset is not None

    def check(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """The settings can be made to hold, and the system knows them."""
        for arm, settings in arms.items():
            if settings and self._spec.switch is None:
                raise TargetUsageError(
                    f"--target url: arm {arm} sets {', '.join(settings)}, and nothing can change "
                    f'the settings of a system that runs already. Write switch = "..." into [url] '
                    f"of {FILE}, a command that does so, or use another target"
                )
        names = {name for settings in arms.values() for name in settings}
        for arm, settings in arms.items():
            if missing := sorted(names - settings.keys()):
                raise TargetUsageError(
                    f"--target url: arm {arm} does not set {', '.join(missing)}, and would run "
                    "with what the arm before it had set. Set it in every arm"
                )
        for command in (self._spec.switch, self._spec.reset):
            if command is not None:
                with_program(command, command.fill({}), self._project)
        refuse_reset_of_processes(self._system, self._spec.reset, self.name)
        self._expected = validated_settings(self._system, self._project, arms, anyway=self._anyway)

    def start(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """Wait until it answers; there is nothing to start."""
        self._settings = {arm: dict(settings) for arm, settings in arms.items()}
        self._await_ready()

    def activate(self, arm: str) -> None:
        """Let the settings of an arm hold."""
        if self._spec.switch is None or arm == self._active:
            return
        self._active = None
        self._switch(self._spec.switch, arm)
        self._await_ready()
        self._active = arm

    def url(self, arm: str) -> str:
        """The URL, for every arm."""
        return self._spec.base

    def identities(self, arm: str) -> dict[str, Identity]:
        """What answers, with its settings if it reports them."""
        settings = None
        if self._spec.settings is not None:
            who = f"the service at {self._spec.base}"
            settings = ask_settings(who, self._spec.base, self._spec.settings)
        return {ROLE: Identity("", settings)}

    def expected(self, arm: str) -> Mapping[str, str]:
        """The settings of an arm as the system spells them."""
        return self._expected.get(arm, self._settings[arm])

    def dead(self, arm: str) -> str | None:
        """Unknown, and so None: its processes are not the lab's."""
        return None

    def restart(self, *arms: str) -> NoReturn:
        """TargetFailure: its processes are not the lab's."""
        raise TargetFailure("a system at a URL cannot be started again")

    def reset(self, arm: str) -> None:
        """Run the command that resets the system, if there is one.

        It may have set the settings back, or started the system again: they are made to hold
        again, and the system is waited for.
        """
        if self._spec.reset is None:
            return
        await_reset(self._children, self._start(self._spec.reset, "reset", arm))
        self._active = None
        if self._spec.switch is None:
            self._await_ready()
        else:
            self.activate(arm)

    def roles(self, arm: str) -> dict[str, tuple[int, ...]]:
        """The processes that listen on its port, if the file says that they are the system."""
        is_seen = self._spec.processes and self._spec.is_here
        found = listeners(self._spec.port) if is_seen else []
        if set(found) & set(docker_engine.port_proxies([self._spec.port])):
            return {}  # what is behind the proxy of a container is not known
        return {ROLE: tuple(uppermost(found))} if found else {}

    def activity(self, arm: str) -> dict[str, Any]:
        """Nothing is known of its database."""
        return {}

    def profile(self, arm: str) -> NoReturn:
        """TargetFailure: a profiler needs to start the process."""
        raise TargetFailure("a system at a URL is not started here, and so not under a profiler")

    def conditions(self) -> dict[str, Any]:
        """The URL, how the settings are proved, and those of the arms."""
        proof = Proof.OWN_WORD if self.proves_settings else Proof.NOTHING
        return {
            "url": self._spec.base,
            "proof of the settings": {ROLE: proof.value},
            "arms": {arm: {"settings": settings} for arm, settings in self._settings.items()},
        }

    def stop(self) -> None:
        """Nothing: it was not started here."""

    def _await_ready(self) -> None:
        who, ready = f"the service at {self._spec.base}", self._spec.ready
        await_ready(
            lambda: check_ready(who, ready, self._spec.base, bytes, is_loaded=True),
            lambda: None,
            str,
            ready.within_s,
        )

    def _switch(self, command: Command, arm: str) -> None:
        await_success(self._children, self._start(command, "switch", arm), f"`switch` to arm {arm}")

    def _start(self, command: Command, role: str, arm: str) -> Child:
        """Start a command; what it starts outlives the run."""
        return self._children.start(
            with_program(command, command.fill({}), self._project),
            role=role,
            arm=arm,
            env={**self._settings[arm], "PATH": search_path(self._project), **NOT_OF_THE_RUN},
            cwd=self._project,
        )
