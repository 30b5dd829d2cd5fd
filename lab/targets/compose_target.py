"""The sample service under Docker Compose: a project of docker-compose.yml per arm."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lab.child_processes import Children
from lab.cpu_pinning import Cores, pin
from lab.instruments.service_profiler import command_prefix, read_profile
from lab.targets import docker_cleanup, docker_engine
from lab.targets.compose_arm import ComposeArm
from lab.targets.compose_command import ComposeCommand, ComposeProject
from lab.targets.compose_file import FILE, PORTS, ComposeFile, free_port
from lab.targets.docker_engine import PROXY, EngineError
from lab.targets.embedded_postgres import EmbeddedPostgres
from lab.targets.postgres_sessions import Sessions, drop_libpq_variables
from lab.targets.readiness import READY_S, await_ready, identify
from lab.targets.service_settings import reset_script, validated_settings
from lab.targets.target_interface import (
    DatabaseError,
    Identity,
    TargetError,
    TargetFailure,
    TargetUsageError,
)

_LOG_LINES = 12
_BUILD_S = 900.0
_FRESH = ("pricing", "service")  # have new processes after a restart


class ComposeTarget:
    """Implements `Target`. The Compose file needs the services service, pricing and database."""

    name = "compose"

    def __init__(self, children: Children, project: Path, cores: Cores) -> None:
        self._children = children
        self._project = project
        self._cores = cores
        self._owner = docker_cleanup.owner()
        self._engine = ""  # version
        self._command: ComposeCommand | None = None
        self._file = ComposeFile("", {})
        self._settings: dict[str, dict[str, str]] = {}
        self._expected: dict[str, dict[str, str]] = {}
        self._arms: dict[str, ComposeArm] = {}
        self._sessions = Sessions()
        self._started = self._pinned = False
        self._reset_script = reset_script(project)

    def check(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """The engine answers, the file can be used, the service knows the settings."""
        self._engine = docker_engine.version()
        self._command = ComposeCommand(self._children, self._project, secrets.token_hex(16))
        path = self._project / FILE
        if not path.is_file():
            raise TargetUsageError(f"{path}: not found. --target compose needs it")
        self._file = self._resolved(path)
        if flaw := self._file.flaw():
            raise TargetUsageError(f"{FILE}: {flaw}")
        self._expected = validated_settings(self._project, arms)

    def start(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """Build the images, then start the arms, databases and pricing first."""
        self._started = True
        drop_libpq_variables()
        self._children.on_parent_death("lab.targets.docker_cleanup", self._owner)
        docker_cleanup.remove(docker_cleanup.is_abandoned)
        for number, (name, settings) in enumerate(arms.items(), 1):
            self._settings[name] = dict(settings)
            self._arms[name] = ComposeArm(name, self._arm_project(number, name))
        started = self._arms.values()
        self._build(next(iter(started)).project)
        self._up("database", "pricing", *self._file.dependencies())
        for arm in started:
            arm.find("database", "pricing")
            self._await(arm, partial(self._check_database, arm))
        self._up("service")
        for arm in started:
            arm.find("service")
            self._await(arm, partial(_identities, arm))
        self._pin()

    def url(self, arm: str) -> str:
        """The URL of an arm's service."""
        return self._arms[arm].url("service")

    def identities(self, arm: str) -> dict[str, Identity]:
        """The processes that answer as service and as pricing."""
        try:
            return _identities(self._arms[arm])
        except TargetError as error:
            if docker_engine.answers():
                raise
            raise TargetFailure(f"the Docker engine does not answer any more ({error})") from error

    def expected(self, arm: str) -> Mapping[str, str]:
        """The settings of an arm as the service spells them."""
        return self._expected[arm]

    def dead(self, arm: str) -> str | None:
        """Which container of an arm has ended, and how, as far as the engine reports it."""
        return self._arms[arm].dead()

    def restart(self, *arms: str) -> None:
        """The same containers with new processes; the engine may publish other ports."""
        restarted = [self._arms[arm] for arm in arms]
        projects = [(f"restart-{arm.name}", arm.project) for arm in restarted]
        self._compose.restart_each(projects, _FRESH)
        for arm in restarted:
            arm.find_again(*_FRESH)
        for arm in restarted:
            self._await(arm, partial(_identities, arm))
        self._pin()

    def reset(self, arm: str) -> None:
        """Restore the seeded rows, then VACUUM and CHECKPOINT."""
        self._sessions.reset(self._database_url(self._arms[arm]), self._reset_script)

    def roles(self, arm: str) -> dict[str, tuple[int, ...]]:
        """The first process of each container, and the engine's proxies of its ports."""
        return self._arms[arm].roles()

    def activity(self, arm: str) -> dict[str, Any]:
        """What the arm's sessions in PostgreSQL do and wait for."""
        return self._sessions.activity(self._database_url(self._arms[arm])).as_dict()

    def profile(self, arm: str) -> ProfiledContainer:
        """Another container of the arm's service, under pyinstrument."""
        running = self._arms[arm]
        name = f"{running.project.name}-{secrets.token_hex(2)}"
        command = ["python", *command_prefix(None), "-m", "service", "--host", "0.0.0.0"]
        self._compose.run(
            f"run-{arm}",
            running.project,
            *("run", "--detach", "--no-deps", "--name", name),
            *("--publish", free_port("service"), "service", *command),
        )
        container = docker_engine.inspect(name)
        docker_engine.pin_containers(self._cores.target, [container])
        published = container.ports.get(PORTS["service"])
        if not published:
            raise TargetFailure(
                f"the profiled service ended:\n{docker_engine.logs(name, _LOG_LINES)}"
            )
        url = f"http://127.0.0.1:{published[0][1]}"
        return ProfiledContainer(
            arm, url, container.id, self._children.folder / f"profile-{arm}.json"
        )

    def conditions(self) -> dict[str, Any]:
        """Engine, images, version and settings of PostgreSQL, containers by arm."""
        first = next(iter(self._arms.values()))
        return {
            "engine": self._engine,
            "compose": " ".join(self._compose.program),
            "pinned": self._pinned,
            "images": {
                role: {
                    "name": "built" if role in self._file.built() else container.image_name,
                    "digest": container.image,
                }
                for role, container in sorted(first.containers.items())
            },
            "postgresql": self._sessions.version(self._database_url(first)),
            "postgresql_is": "a container of each arm's own",
            "postgresql_settings": _database_settings(),
            "arms": {name: self._arm_conditions(arm) for name, arm in self._arms.items()},
        }

    def stop(self) -> None:
        """Keep the logs of the containers, then remove all that the run made."""
        if not self._started:
            return
        self._started = False
        self._sessions.close()
        self._compose.stop()
        try:
            self._keep_logs()  # first: an engine that hangs is then asked only once
            docker_cleanup.remove(docker_cleanup.owned_by(self._owner))
        except EngineError as error:
            raise TargetFailure(
                f"containers of this run may be left: {error}. The next run with --target "
                "compose removes them, as does: docker rm --force --volumes "
                f"$(docker ps --all --quiet --filter name={self._owner})"
            ) from error
        self._children.on_parent_death()

    @property
    def _compose(self) -> ComposeCommand:
        assert self._command is not None, "check() comes first"
        return self._command

    def _resolved(self, path: Path) -> ComposeFile:
        """The file as Compose reads it, for a project of no arm."""
        import yaml

        project = ComposeProject(f"{self._owner}-0", (path,))
        text = self._compose.resolved(project, self._children.folder / "compose.yml")
        return ComposeFile(project.name, yaml.safe_load(text) or {})

    def _arm_project(self, number: int, arm: str) -> ComposeProject:
        """The file as it is, and a second one with what this run adds for the arm."""
        additions = self._file.additions(self._settings[arm], _database_settings(), self._image)
        added = self._children.folder / f"compose-{arm}.json"
        added.write_text(json.dumps(additions), encoding="utf-8")
        # not named for the arm: its name may have letters that Compose refuses
        return ComposeProject(f"{self._owner}-{number}", (self._project / FILE, added))

    def _image(self, service: str) -> str:
        """An image of this run's own, which no build of another run replaces."""
        return f"{self._owner}-0:{service}"

    def _build(self, project: ComposeProject) -> None:
        """Build the images once for all arms."""
        if not (built := self._file.built()):
            return
        self._compose.run("build", project, "build", *built, limit_s=_BUILD_S)
        for name in built:
            # this name stays after the run, so that the next build can use the layers
            docker_engine.docker("tag", self._image(name), f"bottleneck-lab/{name.lower()}")

    def _up(self, *services: str) -> None:
        """Start these services of all arms at once."""
        projects = [(arm.name, arm.project) for arm in self._arms.values()]
        self._compose.run_each(projects, "up", "--detach", "--no-build", "--no-deps", *services)

    def _await(self, arm: ComposeArm, ask: Callable[[], object]) -> None:
        await_ready(ask, arm.dead, partial(arm.log_tail, _LOG_LINES))

    def _check_database(self, arm: ComposeArm) -> None:
        """TargetFailure while the database starts, TargetUsageError if it refuses for good."""
        try:
            self._sessions.version(self._database_url(arm))
        except DatabaseError as error:
            text = str(error)
            # a server that starts or stops says so; any other refusal stays
            final = "FATAL" in text and "the database system" not in text
            kind = TargetUsageError if final else TargetFailure
            raise kind(f"the database of arm {arm.name} is not ready: {text}") from error

    def _database_url(self, arm: ComposeArm) -> str:
        return self._file.database_url(arm.port("database"))

    def _pin(self) -> None:
        """Keep all containers and the engine's proxies on the cores of the target."""
        containers = [each for arm in self._arms.values() for each in arm.containers.values()]
        self._pinned = docker_engine.pin_containers(self._cores.target, containers)
        for arm in self._arms.values():
            for pid in arm.roles().get(PROXY, ()):
                pin(pid, self._cores.target)

    def _arm_conditions(self, arm: ComposeArm) -> dict[str, Any]:
        return {
            "settings": dict(self._settings[arm.name]),
            **{
                role: {
                    "container": arm.containers[role].id[:12],
                    "pid": arm.containers[role].pid,
                    "url": arm.url(role),
                }
                for role in _FRESH
            },
        }

    def _keep_logs(self) -> None:
        for arm in self._arms.values():
            for role, container in arm.containers.items():
                if text := docker_engine.logs(container.id):
                    file = self._children.logs / f"{role}-{arm.name}.log"
                    file.write_text(text, encoding="utf-8")


@dataclass
class ProfiledContainer:
    """Implements `ProfiledCopy` for the Compose target."""

    arm: str
    url: str
    container: str  # id
    file: Path  # for the profile

    def wait(self) -> None:
        """Wait until it is ready."""
        await_ready(
            lambda: identify("profiled service", self.arm, self.url),
            self._ended,
            lambda: docker_engine.logs(self.container, _LOG_LINES),
        )

    def finish(self) -> str:
        """Stop it and return what the profiler printed, as text."""
        docker_engine.docker("kill", "--signal", "INT", self.container)
        docker_engine.docker("wait", self.container, timeout_s=READY_S)
        log = docker_engine.docker("logs", self.container)
        self.file.write_text(log.rpartition("\n{")[2], encoding="utf-8")
        return read_profile(self.file)

    def _ended(self) -> str | None:
        now = docker_engine.inspect(self.container)
        return None if now.running else f"the profiled service's container {now.ending}"


def _identities(arm: ComposeArm) -> dict[str, Identity]:
    return {role: identify(role, arm.name, arm.url(role)) for role in ("service", "pricing")}


def _database_settings() -> dict[str, str]:
    """Those of the embedded server, but reachable over the network."""
    return {k: v for k, v in EmbeddedPostgres.SETTINGS.items() if k != "listen_addresses"}
