"""The sample service under Docker Compose: a project of docker-compose.yml per arm."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lab.cpu_pinning import Cores, pin
from lab.instruments.profiler import command_prefix, read_profile
from lab.processes import Child, Children
from lab.targets import docker_engine
from lab.targets.compose_file import FILE, PORTS, ComposeFile
from lab.targets.docker_engine import Container, EngineError
from lab.targets.interface import Identity, TargetError, TargetFailure, TargetUsageError
from lab.targets.postgres import EmbeddedPostgres, Sessions, forget_variables
from lab.targets.service_readiness import READY_S, await_ready, identify, known_settings
from lab.watchdog import start_ticks

_LOG_LINES = 12
_BUILD_S = 900.0
_UP_S = 300.0
_LOOPBACK = ("127.0.0.1", "::1")
PROXY = "docker-proxy"  # the engine's own, which passes on what is published

# How engine and Compose, of several versions, word what the user can mend.
_TAKEN = ("port is already allocated", "address already in use")
_NO_IMAGE = (
    "pull access denied",
    "manifest unknown",
    "manifest for ",
    "no such image",
    "error pulling image",
    "failed to resolve",
    "/v2/",
)


@dataclass
class _Arm:
    """An arm's project, its containers by role."""

    name: str
    project: str
    files: tuple[str, ...]
    containers: dict[str, Container]
    born: dict[str, int | None]  # start of each container's first process

    def port(self, role: str) -> int:
        """Where a container answers on loopback; TargetUsageError where it does not."""
        published = self.containers[role].ports.get(PORTS[role], ())
        for address, _ in published:
            if address not in _LOOPBACK:
                raise TargetUsageError(
                    f"{FILE}: service {role} publishes port {PORTS[role]} on {address}, for all "
                    f'the world. Write "127.0.0.1:...:{PORTS[role]}"'
                )
        for address, port in published:
            if address == "127.0.0.1":
                return port
        raise TargetUsageError(
            f"{FILE}: service {role} does not publish its port {PORTS[role]}. "
            f'Write ports: ["127.0.0.1::{PORTS[role]}"]'
        )

    def url(self, role: str) -> str:
        """Where a container answers over HTTP."""
        return f"http://127.0.0.1:{self.port(role)}"


class ComposeTarget:
    """Implements `Target`. The Compose file needs the services service, pricing and database."""

    name = "compose"

    def __init__(self, children: Children, project: Path, cores: Cores) -> None:
        self._children = children
        self._project = project
        self._cores = cores
        self._owner = docker_engine.owner()
        self._password = secrets.token_hex(16)
        self._compose: tuple[str, ...] = ()
        self._engine = ""
        self._file = ComposeFile("", {})
        self._settings: dict[str, dict[str, str]] = {}
        self._expected: dict[str, dict[str, str]] = {}
        self._arms: dict[str, _Arm] = {}
        self._sessions = Sessions()
        self._begun = self._pinned = False
        self._reset_sql = (project / "service" / "reset.sql").read_text(encoding="utf-8")

    def check(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """The engine answers, the file is whole, the service knows the settings."""
        self._engine = docker_engine.version()
        self._compose = docker_engine.compose()
        if not (self._project / FILE).is_file():
            raise TargetUsageError(f"{self._project / FILE}: not found. --target compose needs it")
        self._file = self._resolved()
        if flaw := self._file.flaw():
            raise TargetUsageError(f"{FILE}: {flaw}")
        self._expected = known_settings(self._project, arms)

    def start(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """Build the image, then bring the arms up, databases and pricing first."""
        self._begun = True
        forget_variables()
        self._children.on_parent_death("lab.targets.docker_engine", self._owner)
        docker_engine.remove(
            docker_engine.abandoned
        )  # what a lab left behind when nobody could clear up
        for arm, settings in arms.items():
            self._settings[arm] = dict(settings)
            self._arms[arm] = self._describe(arm)
        first = next(iter(self._arms.values()))
        self._build(first)
        up = ["up", "--detach", "--no-build", "--no-deps"]
        self._call_all([*up, "database", "pricing", *self._file.further()])
        for running in self._arms.values():
            self._look(running, "database", "pricing")
            self._await(running, partial(self._sessions_answer, running))
        self._call_all([*up, "service"])
        for running in self._arms.values():
            self._look(running, "service")
            self._await(running, partial(self._identities, running))
        every = [c for running in self._arms.values() for c in running.containers.values()]
        self._pinned = docker_engine.pin_containers(self._cores.target, every)
        for arm in arms:
            for pid in self.roles(arm).get(PROXY, ()):
                pin(pid, self._cores.target)

    def url(self, arm: str) -> str:
        """Where an arm's service answers."""
        return self._arms[arm].url("service")

    def identities(self, arm: str) -> dict[str, Identity]:
        """Who answers as service and as pricing."""
        try:
            return self._identities(self._arms[arm])
        except TargetError as error:
            if docker_engine.answers():
                raise
            raise TargetFailure(f"the Docker engine does not answer any more ({error})") from error

    def expected(self, arm: str) -> Mapping[str, str]:
        """The settings of an arm as the service itself spells them."""
        return self._expected[arm]

    def dead(self, arm: str) -> str | None:
        """Which container of an arm has ended, and how, as far as the engine can tell."""
        running = self._arms[arm]
        for role, container in list(running.containers.items()):
            if start_ticks(container.pid) == running.born[role]:
                continue
            try:
                now = docker_engine.inspect(container.id)
            except EngineError:
                how = "ended, and the Docker engine does not answer any more"
            else:
                if role not in PORTS and now.exit_code == 0:  # it had one thing to do
                    del running.containers[role]
                    continue
                how = now.ending
            return f"the {role}'s container of arm {arm} {how}"
        return None

    def restart(self, arm: str) -> None:
        """The same containers with fresh processes; the engine may publish other ports."""
        running = self._arms[arm]
        self._call(
            "restart",
            ["restart", "--no-deps", "pricing", "service"],
            files=running.files,
            project=running.project,
        )
        for role in ("pricing", "service"):
            del running.containers[role]
        self._look(running, "pricing", "service")
        self._await(running, partial(self._identities, running))
        docker_engine.pin_containers(
            self._cores.target, [running.containers[r] for r in ("pricing", "service")]
        )

    def reset(self, arm: str) -> None:
        """Seeded rows only, storage tidy, WAL flushed."""
        self._sessions.reset(self._database_url(self._arms[arm]), self._reset_sql)

    def roles(self, arm: str) -> dict[str, tuple[int, ...]]:
        """Each container's first process, and the engine's own that pass on what it publishes."""
        running = self._arms[arm]
        found: dict[str, tuple[int, ...]] = {
            role: (container.pid,) for role, container in running.containers.items()
        }
        if passing := docker_engine.proxies(running.port(role) for role in PORTS):
            found[PROXY] = passing
        return found

    def activity(self, arm: str) -> dict[str, Any]:
        """The arm's sessions in PostgreSQL."""
        return self._sessions.activity(self._database_url(self._arms[arm])).as_dict()

    def profile(self, arm: str) -> ProfiledContainer:
        """Another container of the arm's service, under pyinstrument."""
        return ProfiledContainer(self, arm)

    def conditions(self) -> dict[str, Any]:
        """Engine, images, PostgreSQL's version and settings, containers by arm."""
        first = next(iter(self._arms.values()))
        return {
            "engine": self._engine,
            "compose": " ".join(self._compose),
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
            "arms": {
                name: {
                    "settings": dict(self._settings[name]),
                    **{
                        role: {
                            "container": arm.containers[role].id[:12],
                            "pid": arm.containers[role].pid,
                            "url": arm.url(role),
                        }
                        for role in ("pricing", "service")
                    },
                }
                for name, arm in self._arms.items()
            },
        }

    def stop(self) -> None:
        """Keep the containers' logs, then remove all that the run made."""
        if not self._begun:
            return
        self._begun = False
        self._sessions.close()
        self._children.stop(*(c for c in self._children.running() if c.role == "compose"))
        try:
            self._keep_logs()  # an engine that hangs is asked once
            docker_engine.remove(docker_engine.of(self._owner))
        except EngineError as error:
            raise TargetFailure(
                f"containers of this run may be left: {error}. The next run with --target "
                "compose removes them, as does: docker rm --force --volumes "
                f"$(docker ps --all --quiet --filter name={self._owner})"
            ) from error
        self._children.on_parent_death()

    def run_service(self, arm: str, command: list[str]) -> tuple[str, str]:
        """Start another container of the arm's service; its id and URL."""
        running = self._arms[arm]
        name = f"{running.project}-{secrets.token_hex(2)}"
        port = f"127.0.0.1::{PORTS['service']}"
        self._call(
            f"run-{arm}",
            [
                "run",
                "--detach",
                "--no-deps",
                "--name",
                name,
                "--publish",
                port,
                "service",
                *command,
            ],
            files=running.files,
            project=running.project,
        )
        container = docker_engine.inspect(name)
        docker_engine.pin_containers(self._cores.target, [container])
        published = container.ports.get(PORTS["service"])
        if not published:
            raise TargetFailure(
                f"the profiled service ended:\n{docker_engine.logs(name, _LOG_LINES)}"
            )
        return container.id, f"http://127.0.0.1:{published[0][1]}"

    def _keep_logs(self) -> None:
        for arm in self._arms.values():
            for role, container in arm.containers.items():
                if text := docker_engine.logs(container.id):
                    file = self._children.logs / f"{role}-{arm.name}.log"
                    file.write_text(text, encoding="utf-8")

    # --- Compose -----------------------------------------------------------------------------

    def _build(self, arm: _Arm) -> None:
        """Build this run's images, which another run's build leaves as they are."""
        if not (built := self._file.built()):
            return
        self._call(
            "build", ["build", *built], files=arm.files, project=arm.project, limit_s=_BUILD_S
        )
        for name in built:
            # stays after the run, so that its layers do for the next
            docker_engine.docker("tag", self._image(name), f"bottleneck-lab/{name.lower()}")

    def _image(self, service: str) -> str:
        return f"{self._owner}-0:{service}"

    def _describe(self, arm: str) -> _Arm:
        """The arm's project: the file as it is, and what this run adds to it."""
        added = self._children.folder / f"compose-{arm}.json"
        added.write_text(json.dumps(self._added(arm)), encoding="utf-8")
        project = f"{self._owner}-{len(self._arms) + 1}"  # an arm's name may hold any letter
        return _Arm(arm, project, (str(self._project / FILE), str(added)), {}, {})

    def _added(self, arm: str) -> dict[str, Any]:
        """Settings, free ports on loopback; no health checks, a load of their own."""
        settings = {name: value.replace("$", "$$") for name, value in self._settings[arm].items()}
        common: dict[str, Any] = {"healthcheck": {"interval": "24h"}}
        command = ["postgres"]
        for key, value in _database_settings().items():
            command += ["-c", f"{key}={value}"]
        services: dict[str, dict[str, Any]] = {
            "service": common | {"environment": settings},
            "pricing": common
            | {"environment": settings, "ports": [f"127.0.0.1::{PORTS['pricing']}"]},
            "database": common | {"command": command, "ports": [f"127.0.0.1::{PORTS['database']}"]},
        }
        for name in self._file.built():
            services.setdefault(name, {})["image"] = self._image(name)
        return {"services": services}

    def _resolved(self) -> ComposeFile:
        """The file as Compose reads it, for a project of no arm."""
        import yaml

        project = f"{self._owner}-0"
        answer = self._children.folder / "compose.yml"
        with answer.open("wb") as sink:
            self._call(
                "check",
                ["config"],
                files=(str(self._project / FILE),),
                project=project,
                stdout=sink.fileno(),
            )
        return ComposeFile(project, yaml.safe_load(answer.read_text(encoding="utf-8")) or {})

    def _environment(self) -> dict[str, str]:
        """Of the Compose command: the user's, for images and the engine's address; ours on top."""
        ours = {"SERVICE_PORT": "", "POSTGRES_PASSWORD": self._password}
        if self._compose == ("docker-compose",) and "DOCKER_HOST" not in os.environ:
            ours["DOCKER_HOST"] = docker_engine.context_host()
        return dict(os.environ) | ours

    def _begin(
        self,
        label: str,
        arguments: list[str],
        files: tuple[str, ...],
        project: str,
        stdout: int | None = None,
    ) -> Child:
        """Start a Compose command; its output goes to a log of its own."""
        chosen = [part for file in files for part in ("--file", file)]
        return self._children.start(
            [*self._compose, *chosen, "--project-name", project, *arguments],
            role="compose",
            arm=label,
            env=self._environment(),
            cwd=self._project,
            stdout=stdout,
        )

    def _end(self, child: Child, limit_s: float) -> Child:
        """Wait for a Compose command; EngineError with what it said last where it fails."""
        deadline = time.monotonic() + limit_s
        while child.popen.poll() is None:
            if time.monotonic() > deadline:
                raise EngineError(f"Compose did not end within {limit_s:g} s:\n{child.log_tail()}")
            time.sleep(0.02)
        self._children.stop(child)
        if child.popen.returncode:
            docker_engine.version()  # the better message where the engine is the trouble
            raise EngineError(f"{_problem(child)}:\n{child.log_tail(_LOG_LINES)}")
        return child

    def _call(
        self,
        label: str,
        arguments: list[str],
        *,
        files: tuple[str, ...],
        project: str,
        limit_s: float = _UP_S,
        stdout: int | None = None,
    ) -> Child:
        return self._end(self._begin(label, arguments, files, project, stdout), limit_s)

    def _call_all(self, arguments: list[str]) -> None:
        """The same command for every arm at once."""
        begun = [
            self._begin(arm.name, arguments, arm.files, arm.project) for arm in self._arms.values()
        ]
        for child in begun:
            self._end(child, _UP_S)

    # --- what came up --------------------------------------------------------------------------

    def _look(self, arm: _Arm, *roles: str) -> None:
        """Find the arm's containers as they are now; these roles must be among them."""
        for container in docker_engine.containers(arm.project):
            if container.service not in arm.containers:
                arm.containers[container.service] = container
                arm.born[container.service] = start_ticks(container.pid)
                if container.running and not docker_engine.here(container):
                    self._refuse_elsewhere(container)
                if not container.running:
                    arm.born[container.service] = -1  # no process starts then
        if lacking := [role for role in roles if role not in arm.containers]:
            raise TargetUsageError(
                f"{FILE}: Compose starts no container for service {' and '.join(lacking)} "
                "(replicas: 0, or a profile?)"
            )

    def _refuse_elsewhere(self, container: Container) -> None:
        """Unless it has just ended, which is told as that."""
        if docker_engine.inspect(container.id).running:
            raise EngineError(
                "the Docker engine runs its containers on another machine, or in a "
                "virtual one: what they use cannot be watched from here. Take an engine "
                "of this machine, or the embedded target"
            )

    def _await(self, arm: _Arm, ask: Callable[[], object]) -> None:
        await_ready(ask, partial(self.dead, arm.name), partial(self._tail, arm))

    def _identities(self, arm: _Arm) -> dict[str, Identity]:
        return {role: identify(role, arm.name, arm.url(role)) for role in ("service", "pricing")}

    def _sessions_answer(self, arm: _Arm) -> None:
        import psycopg

        try:
            self._sessions.version(self._database_url(arm))
        except psycopg.Error as error:
            text = str(error).strip()
            # a server that is on its way up or down says so; no other refusal passes by itself
            final = "FATAL" in text and "the database system" not in text
            kind = TargetUsageError if final else TargetFailure
            raise kind(f"the database of arm {arm.name} is not ready: {text}") from error

    def _database_url(self, arm: _Arm) -> str:
        return self._file.database_url(arm.port("database"))

    def _tail(self, arm: _Arm) -> str:
        """The end of the log of the container that ended; of the newest where none did."""
        last = list(arm.containers)[-1]
        ended = (role for role, c in arm.containers.items() if start_ticks(c.pid) != arm.born[role])
        return docker_engine.logs(arm.containers[next(ended, last)].id, _LOG_LINES).rstrip()


class ProfiledContainer:
    """Implements `ProfiledCopy` for the Compose target."""

    def __init__(self, target: ComposeTarget, arm: str) -> None:
        self._target = target
        self._arm = arm
        command = ["python", *command_prefix(None), "-m", "service", "--host", "0.0.0.0"]
        self._id, self.url = target.run_service(arm, command)

    def wait(self) -> None:
        """Wait until it is ready."""
        await_ready(
            lambda: identify("profiled service", self._arm, self.url),
            self._ended,
            lambda: docker_engine.logs(self._id, _LOG_LINES),
        )

    def _ended(self) -> str | None:
        now = docker_engine.inspect(self._id)
        return None if now.running else f"the profiled service's container {now.ending}"

    def finish(self) -> str:
        """Stop it and return what the profiler printed, as text."""
        docker_engine.docker("kill", "--signal", "INT", self._id)
        docker_engine.docker("wait", self._id, timeout_s=READY_S)
        file = self._target._children.folder / f"profile-{self._arm}.json"
        file.write_text(
            docker_engine.docker("logs", self._id).rpartition("\n{")[2], encoding="utf-8"
        )
        return read_profile(file)


def _database_settings() -> dict[str, str]:
    """As in the embedded target, but that the network is the way in."""
    return {k: v for k, v in EmbeddedPostgres.SETTINGS.items() if k != "listen_addresses"}


def _problem(child: Child) -> str:
    """What the user can do about a Compose command that failed."""
    text = child.log_tail(60).lower()
    if any(words in text for words in _TAKEN):
        return (
            f"a port that {FILE} publishes is taken. Arms stand side by side, so let the engine "
            'choose: "127.0.0.1:${SERVICE_PORT-8000}:8000"'
        )
    if any(words in text for words in _NO_IMAGE):
        return (
            "an image is neither here nor to be had. PYTHON_IMAGE and POSTGRES_IMAGE choose "
            "the base images"
        )
    return f"{FILE}: Compose failed"
