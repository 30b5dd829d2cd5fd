"""The system under test as processes of this machine: those of `lab.toml`, for each arm anew."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.instruments.service_profiler import command_prefix, is_python, read_profile
from lab.machine.cpu_pinning import Cores, pin
from lab.processes.child_processes import Child, Children
from lab.system import DATABASE, FILE, ProcessSpec, System
from lab.targets.arm_settings import validated_settings
from lab.targets.command_environment import with_program
from lab.targets.finished_command import LIMIT_S, await_reset, await_success
from lab.targets.local_arm import LocalArm
from lab.targets.postgres_databases import RunDatabases, reset_script
from lab.targets.process_identity import WeakestProofs
from lab.targets.readiness import await_ready, check_ready, own_log
from lab.targets.target_interface import Identity, Loaded, TargetFailure


class LocalTarget:
    """Implements `Target`.

    Args:
        system: As `lab.toml` describes it.
        children: Starts the processes.
        project: The folder of `lab.toml`.
        cores: The processes run on those of the target.
        database_url: A PostgreSQL server to use instead of an embedded one.
        notify: Called with what the user should know of how processes ended.
        anyway: Whether a setting is accepted that no source file names.
        revisions: The folder of each arm that is a revision of the project.
    """

    name = "local"

    def __init__(
        self,
        system: System,
        children: Children,
        project: Path,
        cores: Cores,
        database_url: str | None,
        notify: Callable[[str], None] = lambda text: None,
        *,
        anyway: bool = False,
        revisions: Mapping[str, Path] | None = None,
    ) -> None:
        self._system = system
        self._children = children
        self._project = project
        self._cores = cores
        self._users_url = database_url
        self._notify = notify
        self._anyway = anyway
        self._revisions = revisions or {}
        self._databases: RunDatabases | None = None
        self._server_pid: int | None = None
        self._expected: dict[str, dict[str, str]] = {}
        self._arms: dict[str, LocalArm] = {}
        self._proofs = WeakestProofs()
        self._shared: dict[str, list[str]] = {}  # files that several arms write to
        self._daemons: dict[str, list[str]] = {}  # by process, in words
        codes = dict.fromkeys(self._revisions.values()) or {project: None}
        self._reset_scripts = {code: reset_script(system, code) for code in codes}

    @property
    def loaded(self) -> Loaded:
        """The process that load goes to."""
        spec = self._loaded
        return Loaded(spec.name, spec.metrics, spec.metric_names)

    @property
    def proves_settings(self) -> bool:
        """Whether any process shows which settings it runs with."""
        return self._proofs.prove_anything

    @property
    def is_switched(self) -> bool:
        """No: every arm has processes of its own."""
        return False

    def check(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """The programs exist, and the system knows the settings."""
        reset = [] if self._system.reset is None else [self._system.reset]
        for command in (*(spec.command for spec in self._system.processes), *reset):
            if not command.words[0].placeholders:
                words = [word.written for word in command.words]
                for code in self._reset_scripts:
                    with_program(command, words, self._project, code)
        for code in self._reset_scripts:
            own = {arm: arms[arm] for arm in arms if self._code(arm) == code}
            self._expected |= validated_settings(
                self._system, self._project, own, code=code, anyway=self._anyway
            )

    def start(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """Start the database, then all arms together."""
        for arm, settings in arms.items():
            self._arms[arm] = LocalArm(
                self._system,
                self._children,
                self._project,
                self._code(arm),
                arm,
                dict(settings),
            )
        if self._system.postgres is not None:
            self._start_databases()
        self._start_arms(*self._arms.values())
        for running in self._arms.values():
            self._proofs.add(running.proofs())
            for owner, names in running.daemons().items():
                self._daemons[owner] = names
                self._notify(
                    f"{owner} left {', '.join(names)} behind as a daemon: what that uses is not "
                    "sampled, nor is it kept on the cores of the run. Let it run in the "
                    f"foreground, as a [[process]] of its own in {FILE}"
                )
        self._shared = self._shared_files()
        for path, sharing in self._shared.items():
            self._notify(
                f"arms {', '.join(sharing)} all write to {path}: what one leaves there, the others "
                "find. Give each a file of its own, in {arm.folder}"
            )

    def activate(self, arm: str) -> None:
        """Nothing: all arms are up."""

    def url(self, arm: str) -> str:
        """The URL of an arm's loaded process."""
        url = self._arms[arm].url(self._system.loaded)
        assert url is not None
        return url

    def identities(self, arm: str) -> dict[str, Identity]:
        """The processes that answer, by role."""
        return self._arms[arm].identities()

    def expected(self, arm: str) -> dict[str, str]:
        """The settings of an arm as the system spells them."""
        return self._expected.get(arm, dict(self._arms[arm].settings))

    def dead(self, arm: str) -> str | None:
        """Which process of an arm, or of the database that all share, has ended, and how."""
        if how := self._arms[arm].dead():
            return how
        server = None if self._databases is None else self._databases.server
        if server is not None and (how := server.died()):
            return f"{server.owner} {how}"
        return None

    def restart(self, *arms: str) -> None:
        """New processes on the same databases and ports, of all these arms side by side."""
        restarted = [self._arms[arm] for arm in arms]
        self._stop_arms(*restarted)
        self._start_arms(*restarted)

    def reset(self, arm: str) -> None:
        """Run the command that resets the arm, and its script in the database.

        VACUUM and CHECKPOINT follow if either may have changed the database.
        """
        running, command = self._arms[arm], self._system.reset
        if command is not None:
            if running.database is not None and self._databases is not None:
                self._databases.sessions.forget(running.database)
            await_reset(self._children, running.start_command(command, "reset", self._cores.all))
        script = self._reset_scripts[running.code]
        if self._databases is not None and (script is not None or command is not None):
            self._databases.sessions.reset(self._database(arm), script or "")

    def roles(self, arm: str) -> dict[str, tuple[int, ...]]:
        """Process ids of the arm's processes and, if it runs here, of the database."""
        found: dict[str, tuple[int, ...]] = {
            role: (child.pid,) for role, child in self._arms[arm].running.items()
        }
        if self._server_pid is not None:
            found[DATABASE] = (self._server_pid,)
        return found

    def activity(self, arm: str) -> dict[str, Any]:
        """What the arm's sessions in PostgreSQL do and wait for."""
        if self._databases is None:
            return {}
        return self._databases.sessions.activity(self._database(arm)).as_dict()

    def profile(self, arm: str) -> ProfiledProcess:
        """A second process beside the loaded one, under pyinstrument, if its program is Python."""
        spec = self._loaded
        if not is_python(word.written for word in spec.command.words):
            raise TargetFailure(
                f"the command of {spec.name} does not begin with `python -m` or a Python file, and "
                "there is no profiler for anything else"
            )
        file = self._children.folder / f"profile-{arm}.json"
        child, url = self._arms[arm].start_copy(
            spec, self._cores.all, f"profile-{arm}", command_prefix(file), signal.SIGINT
        )
        return ProfiledProcess(spec, url, child, self._children, self._cores, file)

    def conditions(self) -> dict[str, Any]:
        """The database, how the settings are proved, settings and processes of the arms."""
        databases = {} if self._databases is None else self._databases.conditions()
        return {
            **databases,
            "proof of the settings": self._proofs.as_dict(),
            **({"files that arms share": self._shared} if self._shared else {}),
            **({"daemons": self._daemons} if self._daemons else {}),
            "arms": {
                arm: {
                    "settings": dict(running.settings),
                    **{
                        role: {"pid": child.pid, "url": running.url(role)}
                        for role, child in running.running.items()
                    },
                }
                for arm, running in self._arms.items()
            },
        }

    def stop(self) -> None:
        """End all processes and close the databases."""
        self._stop_arms(*self._arms.values())
        self._arms.clear()
        if self._databases is not None:
            self._databases.close()
            self._databases = None

    @property
    def _loaded(self) -> ProcessSpec:
        spec = self._system.process(self._system.loaded)
        assert spec is not None
        return spec

    def _code(self, arm: str) -> Path:
        """The folder of the code that an arm runs."""
        return self._revisions.get(arm, self._project)

    def _database(self, arm: str) -> str:
        url = self._arms[arm].database
        assert url is not None
        return url

    def _shared_files(self) -> dict[str, list[str]]:
        """The arms that have each file open for writing, of those that several have."""
        arms: dict[tuple[int, int], list[str]] = {}
        paths: dict[tuple[int, int], Path] = {}
        for name, arm in self._arms.items():
            found = arm.open_files()
            paths |= found
            for file in found:
                arms.setdefault(file, []).append(name)
        return {str(paths[file]): names for file, names in arms.items() if len(names) > 1}

    def _start_arms(self, *arms: LocalArm) -> None:
        """Start the processes of these arms side by side, on all cores until they are ready."""
        for arm in arms:
            arm.start(self._cores.all)
        for arm in arms:
            arm.await_ready()
        for arm in arms:
            arm.pin(self._cores.target)

    def _stop_arms(self, *arms: LocalArm) -> None:
        """End the processes of these arms together, and report what is odd about it."""
        children = [child for arm in arms for child in arm.running.values()]
        for arm in arms:
            arm.running.clear()
        for child in self._children.stop(*children):
            self._notify(
                f"{child.owner} did not end within {child.patience_s:g} s of its stop signal, and "
                "was killed"
            )
        for child in children:
            if child.is_log_trimmed:
                self._notify(f"{child.owner} printed so much that only the end of its log is kept")

    def _start_databases(self) -> None:
        """Start the server, create a database for each arm, and prepare them at once."""
        self._databases = RunDatabases(
            self._children,
            self._cores.target,
            self._users_url,
            over_tcp=self._system.uses_parts_of_postgres,
        )
        self._server_pid = self._databases.server_pid()
        for arm, running in self._arms.items():
            running.database = self._databases.create(arm)
            if self._system.uses_parts_of_postgres:
                running.parts_of_database = self._databases.parts(running.database)
        if (command := self._system.prepare) is None:
            return
        preparing = [
            running.start_command(command, "prepare", self._cores.all)
            for running in self._arms.values()
        ]
        deadline = time.monotonic() + LIMIT_S
        for child in preparing:
            left_s = max(0.0, deadline - time.monotonic())
            await_success(self._children, child, f"`prepare` of arm {child.arm}", left_s)


@dataclass
class ProfiledProcess:
    """Implements `ProfiledCopy` for processes of this machine."""

    spec: ProcessSpec
    url: str
    child: Child
    children: Children
    cores: Cores
    file: Path  # that the profiler writes

    def wait(self) -> None:
        """Wait until it is ready, and keep it on the target's cores."""
        await_ready(
            lambda: check_ready(
                f"profiled {self.spec.name}",
                self.spec.ready,
                self.url,
                lambda: own_log(self.child.log, self.child.log_start),
                is_loaded=True,
            ),
            lambda: (how := self.child.died()) and f"the profiled {self.spec.name} {how}",
            self.child.log_tail,
            self.spec.ready.within_s,
        )
        pin(self.child.pid, self.cores.target)

    def finish(self) -> str:
        """Stop it and read what the profiler wrote."""
        self.children.stop(self.child)
        return read_profile(self.file)
