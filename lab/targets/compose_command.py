"""Docker Compose as a command: run for one project or for all, each run with a log of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.processes.child_processes import Child, Children
from lab.system import ComposeSpec
from lab.targets import docker_engine
from lab.targets.docker_engine import ANSWER_S, USE_LOCAL, EngineError

_OLDER = ("docker-compose",)  # a program of its own
_LIMIT_S = 300.0
_LOG_LINES = 12
_SEARCHED_LINES = 60  # for the cause of a failure

# How engine and Compose, of several versions, word what the user can correct.
_PORT_TAKEN = ("port is already allocated", "address already in use")
_NO_IMAGE = (
    "pull access denied",
    "manifest unknown",
    "manifest for ",
    "no such image",
    "error pulling image",
    "failed to resolve",
    "/v2/",
)


@dataclass(frozen=True)
class ComposeProject:
    """The files of a project, and its name, which is part of the name of all that it makes.

    Attributes:
        name: Its name.
        files: Its files, later ones over earlier ones.
        settings: Of its arm, for `${NAME}` in the files.
    """

    name: str
    files: tuple[Path, ...]
    settings: Mapping[str, str] = field(default_factory=dict)


class ComposeCommand:
    """Compose as it is installed here, with the environment of this run."""

    def __init__(self, children: Children, folder: Path, spec: ComposeSpec, password: str) -> None:
        """Find Compose. EngineError if there is none.

        Args:
            children: Starts the commands.
            folder: Where they run.
            spec: What `lab.toml` says of the Compose file, for messages.
            password: POSTGRES_PASSWORD for the Compose file.
        """
        self._children = children
        self._folder = folder
        self._spec = spec
        self.program = find_program()
        self._environment = dict(os.environ) | {"SERVICE_PORT": "", "POSTGRES_PASSWORD": password}
        if self.program == _OLDER and "DOCKER_HOST" not in os.environ:
            self._environment["DOCKER_HOST"] = docker_engine.context_host()

    def run(
        self, label: str, project: ComposeProject, *arguments: str, limit_s: float = _LIMIT_S
    ) -> None:
        """Run a command to its end. EngineError with the end of its log if it fails."""
        self._finish(self._start(label, project, arguments), limit_s)

    def run_each(self, projects: Iterable[tuple[str, ComposeProject]], *arguments: str) -> None:
        """Run the same command for several projects at once; each has a label."""
        started = [self._start(label, project, arguments) for label, project in projects]
        for child in started:
            self._finish(child, _LIMIT_S)

    def restart_each(
        self, projects: Iterable[tuple[str, ComposeProject]], services: Iterable[str]
    ) -> None:
        """Restart these services alone, of several projects at once; each has a label."""
        # docker-compose 1 has no --no-deps here, restarts no others anyway, and answers with its
        # usage and exit code 0
        alone = () if self.program == _OLDER else ("--no-deps",)
        self.run_each(projects, "restart", *alone, *services)

    def resolved(self, project: ComposeProject, answer: Path) -> str:
        """The files of a project as Compose reads them, as YAML; written to `answer` first."""
        with answer.open("wb") as sink:
            child = self._start("check", project, ["config"], stdout=sink.fileno())
            self._finish(child, _LIMIT_S)
        return answer.read_text(encoding="utf-8")

    def exec_environment(self, project: ComposeProject) -> dict[str, str]:
        """The variables with which `docker compose exec SERVICE ...` finds a project.

        Its files are resolved, so that the command needs nothing else of the shell's environment.
        """
        file = self._children.folder / f"{project.name}.yml"
        if not file.exists():
            self.resolved(project, file)
        given = self._environment.items()
        engine = {name: value for name, value in given if name.startswith("DOCKER_")}
        return {**engine, "COMPOSE_FILE": str(file), "COMPOSE_PROJECT_NAME": project.name}

    def stop(self) -> None:
        """End the commands that still run."""
        self._children.stop(*(c for c in self._children.running() if c.role == "compose"))

    def _start(
        self,
        label: str,
        project: ComposeProject,
        arguments: Iterable[str],
        stdout: int | None = None,
    ) -> Child:
        files = [part for file in project.files for part in ("--file", str(file))]
        return self._children.start(
            [*self.program, *files, "--project-name", project.name, *arguments],
            role="compose",
            arm=label,
            env={**self._environment, **project.settings},
            cwd=self._folder,
            stdout=stdout,
        )

    def _finish(self, child: Child, limit_s: float) -> None:
        deadline = time.monotonic() + limit_s
        while child.popen.poll() is None:
            if time.monotonic() > deadline:
                raise EngineError(f"Compose did not end within {limit_s:g} s:\n{child.log_tail()}")
            time.sleep(0.02)
        self._children.stop(child)
        if child.popen.returncode:
            docker_engine.version()  # raises the better message if the engine has failed
            cause = _cause(child.log_tail(_SEARCHED_LINES), self._spec)
            raise EngineError(f"{cause}:\n{child.log_tail(_LOG_LINES)}")


def is_reserved(variable: str) -> bool:
    """Whether Docker or Compose reads this environment variable itself, or the lab sets it."""
    named = ("PATH", "HOME", "SERVICE_PORT", "POSTGRES_PASSWORD")
    return variable in named or variable.startswith(("COMPOSE_", "DOCKER_"))


def find_program() -> tuple[str, ...]:
    """The Compose of this machine: the plugin of docker, else the older program of its own."""
    for program in (("docker", "compose"), _OLDER):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            done = subprocess.run(
                [*program, "version"], capture_output=True, timeout=ANSWER_S, check=False
            )
            if done.returncode == 0:
                return program
    raise EngineError(
        f"neither `docker compose` nor `docker-compose` works here. Install one, {USE_LOCAL}"
    )


def _cause(log: str, spec: ComposeSpec) -> str:
    """Why a command failed, and what to do, as far as its log shows it."""
    text = log.lower()
    if any(words in text for words in _PORT_TAKEN):
        return (
            f"a port that {spec.file} publishes is taken. Arms run side by side, so let the engine "
            f'choose: "127.0.0.1:${{SERVICE_PORT-{spec.port}}}:{spec.port}"'
        )
    if any(words in text for words in _NO_IMAGE):
        return (
            "an image is not on this machine and cannot be fetched. Name one that is, in "
            f"{spec.file} or in a variable that it reads"
        )
    return f"{spec.file}: Compose failed"
