"""The system under test under Docker Compose: a project of its Compose file per arm."""

from __future__ import annotations

import json
import secrets
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from lab.files.source_files import named
from lab.instruments.service_profiler import command_prefix, is_python, read_profile
from lab.machine.cpu_pinning import Cores, pin
from lab.processes.child_processes import Child, Children
from lab.system import FILE, Command, ProcessSpec, System
from lab.system.placeholders import PORT_OF, POSTGRES_PARTS, POSTGRES_URL, URL_OF
from lab.targets import docker_cleanup, docker_engine
from lab.targets.arm_settings import (
    refuse_reset_of_processes,
    refuse_unfilled,
    validated_settings,
)
from lab.targets.command_environment import search_path, with_program
from lab.targets.compose_arm import ComposeArm
from lab.targets.compose_command import ComposeCommand, ComposeProject, is_reserved
from lab.targets.compose_file import COMPLETED, HEALTHY, ComposeFile, free_port
from lab.targets.docker_engine import PROXY, EngineError
from lab.targets.embedded_postgres import EmbeddedPostgres
from lab.targets.finished_command import await_reset
from lab.targets.postgres_databases import OF_EACH_ARM, parts_of, reset_script
from lab.targets.postgres_sessions import Sessions, drop_libpq_variables
from lab.targets.process_identity import WeakestProofs, identify, proof_of
from lab.targets.readiness import READY_S, await_ready, check_ready
from lab.targets.target_interface import (
    DatabaseError,
    Identity,
    Loaded,
    SettingError,
    TargetError,
    TargetFailure,
    TargetUsageError,
)

_LOG_LINES = 12
_BUILD_S = 900.0


class ComposeTarget:
    """Implements `Target` with the Compose file that `lab.toml` names.

    Args:
        system: As `lab.toml` describes it; it names a Compose file.
        children: Starts the commands.
        project: The folder of `lab.toml`.
        cores: The containers run on those of the target.
        notify: Called with what the user should know of the services that arms have.
        anyway: Whether a setting is accepted that no source file names.
    """

    name = "compose"

    def __init__(
        self,
        system: System,
        children: Children,
        project: Path,
        cores: Cores,
        notify: Callable[[str], None] = lambda text: None,
        *,
        anyway: bool = False,
    ) -> None:
        assert system.compose is not None
        self._system = system
        self._spec = system.compose
        self._anyway = anyway
        self._children = children
        self._project = project
        self._cores = cores
        self._notify = notify
        self._owner = docker_cleanup.owner()
        self._engine = ""  # version
        self._command: ComposeCommand | None = None
        self._files: dict[str, ComposeFile] = {}  # as each arm has it
        self._settings: dict[str, dict[str, str]] = {}
        self._expected: dict[str, dict[str, str]] = {}
        self._arms: dict[str, ComposeArm] = {}
        self._sessions = Sessions()
        self._started = self._pinned = False
        self._reset_script = reset_script(system, project)
        self._proofs = WeakestProofs()

    @property
    def loaded(self) -> Loaded:
        """The service that load goes to."""
        spec = self._process(self._spec.service)
        return Loaded(spec.name, spec.metrics, spec.metric_names)

    @property
    def proves_settings(self) -> bool:
        """Whether any service shows which settings it runs with."""
        return self._proofs.prove_anything

    @property
    def is_switched(self) -> bool:
        """No: every arm has containers of its own."""
        return False

    def check(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """The engine answers, the file can be used, the service knows the settings."""
        self._refuse_reserved(arms)
        self._engine = docker_engine.version()
        self._command = ComposeCommand(
            self._children, self._project, self._spec, secrets.token_hex(16)
        )
        self._files = {
            arm: self._resolved(self._arm_project(number, settings))
            for number, (arm, settings) in enumerate(arms.items(), 1)
        }
        for file in self._files.values():
            if flaw := file.flaw():
                raise TargetUsageError(f"{self._spec.file}: {flaw}")
        self._refuse_other_images()
        if self._reset_script is not None and self._spec.database is None:
            raise TargetUsageError(
                f"{FILE}: [postgres] has a `reset`, and [compose] names no `database` on which it "
                "would run. Name it there, or remove `reset`"
            )
        if (reset := self._spec.reset) is not None:
            refuse_unfilled([("`reset`", reset.placeholders, self._system.defaults)], arms)
            if not reset.words[0].placeholders:
                with_program(reset, [word.written for word in reset.words], self._project)
        refuse_reset_of_processes(self._system, reset, self.name)
        self._expected = validated_settings(self._system, self._project, arms, anyway=self._anyway)
        if not self._anyway:
            self._refuse_placeholders(arms)

    def _refuse_reserved(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        for arm, settings in arms.items():
            for name in settings:
                if is_reserved(name):
                    raise SettingError(
                        arm,
                        name,
                        "Docker and Compose read it themselves, or the lab sets it for them, so "
                        "that it cannot differ between arms",
                        "Let the service read another name",
                    )

    def _refuse_other_images(self) -> None:
        """TargetUsageError if settings choose or build other images than those of the first arm."""
        images = self._file.images()
        for arm, file in self._files.items():
            for service, image in file.images().items():
                if image != images.get(service):
                    raise TargetUsageError(
                        f"{self._spec.file}: a setting of arm {arm} changes the `image` or `build` "
                        f"of service {service}, and images are built once, for all arms. Let its "
                        "`command` or `environment` take the setting"
                    )

    def _refuse_placeholders(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """SettingError for what only commands take that containers do not run."""
        wanted = {name for settings in arms.values() for name in settings}
        wanted &= self._system.setting_placeholders
        wanted -= set(() if self._spec.reset is None else self._spec.reset.settings)
        found = named(self._project, wanted, without={FILE})
        for arm, settings in arms.items():
            for name in settings:
                if name in wanted - found:
                    raise SettingError(
                        arm,
                        name,
                        f"it is a placeholder of a command in {FILE}, which containers do not run, "
                        "and no other file of the project names it",
                        "Let the Compose file, or what its images start, read this variable; or "
                        "use --target local",
                    )

    def start(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """Build the images, then start the arms, each service after those that it depends on."""
        self._started = True
        drop_libpq_variables()
        self._children.on_parent_death("lab.targets.docker_cleanup", self._owner)
        docker_cleanup.remove(docker_cleanup.is_abandoned)
        for number, (name, settings) in enumerate(arms.items(), 1):
            self._settings[name] = dict(settings)
            project = self._arm_project(number, settings, self._additions(name))
            self._arms[name] = ComposeArm(name, project, self._spec)
        started = self._arms.values()
        if left_out := self._file.left_out():
            self._notify(
                f"{self._spec.file}: arms run without {', '.join(left_out)}: no service of an arm "
                "depends on it. If one belongs to them, write it into `depends_on`"
            )
        self._build(next(iter(started)).project)
        for layer in self._file.layers():
            self._up(*layer)
            for arm in started:
                arm.find(*(name for name in layer if name in self._spec.ports))
                self._await_layer(arm, layer)
        for arm in started:
            self._await_ready(arm, *self._spec.asked)
        self._pin()
        for arm in started:
            found = self._identities(arm).items()
            self._proofs.add({role: proof_of(self._process(role), each) for role, each in found})

    def activate(self, arm: str) -> None:
        """Nothing: all arms are up."""

    def url(self, arm: str) -> str:
        """The URL of an arm's service."""
        return self._arms[arm].url(self._spec.service)

    def identities(self, arm: str) -> dict[str, Identity]:
        """The services that answer, by role."""
        try:
            return self._identities(self._arms[arm])
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
        self._compose.restart_each(projects, self._spec.asked)
        for arm in restarted:
            arm.find_again(*self._spec.asked)
        for arm in restarted:
            self._await_ready(arm, *self._spec.asked)
        self._pin()

    def reset(self, arm: str) -> None:
        """Run the command that resets the arm, and its script in the database.

        VACUUM and CHECKPOINT follow if either may have changed the database.
        """
        running, script, command = self._arms[arm], self._reset_script, self._spec.reset
        if script is None and command is None:
            return
        url = None if self._spec.database is None else self._database_url(running)
        if command is not None:
            if url is not None:
                self._sessions.forget(url)
            await_reset(self._children, self._start_reset(command, running, url))
        if url is not None:
            self._sessions.reset(url, script or "")

    def _start_reset(self, command: Command, arm: ComposeArm, url: str | None) -> Child:
        """Start the command that resets an arm, with the arm's settings and addresses."""
        settings = self._settings[arm.name]
        values = dict(self._system.defaults) | settings
        for role in self._spec.asked:
            values |= {f"{role}{URL_OF}": arm.url(role), f"{role}{PORT_OF}": str(arm.port(role))}
        if url is not None:
            values[POSTGRES_URL] = url
            values |= parts_of(url) if set(command.placeholders) & set(POSTGRES_PARTS) else {}
        database = {} if url is None else {"DATABASE_URL": url}
        return self._children.start(
            with_program(command, command.fill(values), self._project),
            role="reset",
            arm=arm.name,
            env={
                **self._system.defaults,
                **database,
                **settings,
                **self._compose.exec_environment(arm.project),
                "PATH": search_path(self._project),
            },
            cwd=self._project,
            whole_tree=True,
        )

    def roles(self, arm: str) -> dict[str, tuple[int, ...]]:
        """The first process of each container, and the engine's proxies of its ports."""
        return self._arms[arm].roles()

    def activity(self, arm: str) -> dict[str, Any]:
        """What the arm's sessions in PostgreSQL do and wait for."""
        if self._spec.database is None:
            return {}
        return self._sessions.activity(self._database_url(self._arms[arm])).as_dict()

    def profile(self, arm: str) -> ProfiledContainer:
        """Another container of the loaded service, under pyinstrument, if it runs Python."""
        running, service = self._arms[arm], self._spec.service
        program, *arguments = running.containers[service].command or ("",)
        if not is_python((program, *arguments)):
            raise TargetFailure(
                f"the container of {service} does not run `python -m` or a Python file, and there "
                "is no profiler for anything else"
            )
        name = f"{running.project.name}-{secrets.token_hex(2)}"
        self._compose.run(
            f"run-{arm}",
            running.project,
            *("run", "--detach", "--no-deps", "--name", name),
            *("--publish", free_port(self._spec.port), service),
            *(program, *command_prefix(None), *arguments),
        )
        container = docker_engine.inspect(name)
        docker_engine.pin_containers(self._cores.target, [container])
        published = container.ports.get(self._spec.port)
        if not published:
            raise TargetFailure(
                f"the profiled {service} ended:\n{docker_engine.logs(name, _LOG_LINES)}"
            )
        url = f"http://127.0.0.1:{published[0][1]}"
        file = self._children.folder / f"profile-{arm}.json"
        return ProfiledContainer(self._process(service), url, container.id, file)

    def conditions(self) -> dict[str, Any]:
        """Engine, images, version and settings of PostgreSQL, containers by arm."""
        first = next(iter(self._arms.values()))
        return {
            "engine": self._engine,
            "compose": " ".join(self._compose.program),
            "pinned": self._pinned,
            **({"services left out": left_out} if (left_out := self._file.left_out()) else {}),
            "images": {
                role: {
                    "name": "built" if role in self._file.built() else container.image_name,
                    "digest": container.image,
                }
                for role, container in sorted(first.containers.items())
            },
            **self._database_conditions(first),
            "proof of the settings": self._proofs.as_dict(),
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

    @property
    def _file(self) -> ComposeFile:
        """That of the first arm: services, images and what they depend on are those of all."""
        return next(iter(self._files.values()))

    def _resolved(self, project: ComposeProject) -> ComposeFile:
        """The file as Compose reads it."""
        import yaml

        text = self._compose.resolved(project, self._children.folder / "compose.yml")
        return ComposeFile(project.name, yaml.safe_load(text) or {}, self._spec)

    def _arm_project(
        self, number: int, settings: Mapping[str, str], *added: Path
    ) -> ComposeProject:
        """The file as it is, and what this run adds."""
        # not named for the arm: its name may have letters that Compose refuses
        files = (self._project / self._spec.file, *added)
        return ComposeProject(f"{self._owner}-{number}", files, settings)

    def _additions(self, arm: str) -> Path:
        """A second Compose file with what this run adds for the arm."""
        file, settings = self._files[arm], self._settings[arm]
        additions = file.additions(settings, _database_settings(), self._image)
        added = self._children.folder / f"compose-{arm}.json"
        added.write_text(json.dumps(additions), encoding="utf-8")
        return added

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

    def _await(
        self, arm: ComposeArm, ask: Callable[[], object], within_s: float | None = None
    ) -> None:
        await_ready(ask, arm.dead, partial(arm.log_tail, _LOG_LINES), within_s)

    def _await_layer(self, arm: ComposeArm, layer: Iterable[str]) -> None:
        """Wait until these services are as those need them that depend on them."""
        within_s = self._process(self._spec.service).ready.within_s
        for name in layer:
            wanted = self._file.conditions(name)
            if name == self._spec.database:
                self._await(arm, partial(self._check_database, arm))
            elif HEALTHY in wanted and name in self._spec.asked:  # its health check is turned off
                self._await_ready(arm, name)
            elif HEALTHY in wanted:
                self._await(arm, partial(arm.check_healthy, name), within_s)
            if COMPLETED in wanted:
                self._await(arm, partial(arm.check_done, name), within_s)

    def _await_ready(self, arm: ComposeArm, *roles: str) -> None:
        for role in roles:
            process = self._process(role)
            self._await(arm, partial(self._check_ready, arm, process), process.ready.within_s)

    def _check_ready(self, arm: ComposeArm, process: ProcessSpec) -> None:
        container = arm.containers[process.name]
        check_ready(
            f"the {process.name} of arm {arm.name}",
            process.ready,
            arm.url(process.name),
            # a restart keeps the log of the earlier run
            lambda: docker_engine.logs(container.id, since=container.ended_at).encode(),
            is_loaded=process.name == self._spec.service,
        )

    def _identities(self, arm: ComposeArm) -> dict[str, Identity]:
        return {
            role: identify(
                self._process(role),
                arm.name,
                arm.url(role),
                arm.containers[role].pid,
                self._settings[arm.name],
            )
            for role in self._spec.asked
        }

    def _process(self, role: str) -> ProcessSpec:
        """How a service is asked: as the process of its name, the loaded one, or [compose] says."""
        found = self._system.process(role)
        if found is None and role == self._spec.service:
            found = self._system.process(self._system.loaded)
        if found is not None:
            return replace(found, name=role)
        spec = self._spec
        return ProcessSpec(
            role,
            Command("", (), 0),
            ready=spec.ready,
            settings=spec.settings,
            metrics=spec.metrics,
            metric_names=spec.metric_names,
        )

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
        assert self._spec.database is not None
        return self._files[arm.name].database_url(arm.port(self._spec.database))

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
                for role in self._spec.asked
            },
        }

    def _database_conditions(self, arm: ComposeArm) -> dict[str, Any]:
        if self._spec.database is None:
            return {}
        return {
            "postgresql": self._sessions.version(self._database_url(arm)),
            **OF_EACH_ARM,
            "postgresql_command": {
                name: shlex.join(file.database_command(_database_settings()))
                for name, file in self._files.items()
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

    process: ProcessSpec
    url: str
    container: str  # id
    file: Path  # for the profile

    def wait(self) -> None:
        """Wait until it is ready."""
        await_ready(
            lambda: check_ready(
                f"profiled {self.process.name}",
                self.process.ready,
                self.url,
                lambda: docker_engine.logs(self.container).encode(),
                is_loaded=True,
            ),
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
        return None if now.running else f"the profiled {self.process.name}'s container {now.ending}"


def _database_settings() -> dict[str, str]:
    """Those of the embedded server, but reachable over the network."""
    return {k: v for k, v in EmbeddedPostgres.SETTINGS.items() if k != "listen_addresses"}
