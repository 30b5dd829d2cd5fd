"""The Docker engine of this machine, through its command line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.targets.target_interface import TargetUsageError

PROJECT_LABEL = "com.docker.compose.project"  # Compose puts it on all that it makes
PROXY = "docker-proxy"  # the engine's process that forwards a published port
ANSWER_S = 20.0  # that an engine may take
USE_LOCAL = "or use the target local, which needs no engine"


class EngineError(TargetUsageError):
    """The engine is missing, does not answer or refuses; the user has to start or repair it."""


@dataclass(frozen=True)
class Container:
    """One container, as the engine reports it."""

    id: str
    service: str  # its name in the Compose file
    project: str
    running: bool
    pid: int
    exit_code: int
    ending: str  # how it ended, if it did
    image: str  # digest
    image_name: str
    ports: Mapping[int, tuple[tuple[str, int], ...]]  # inner -> published (address, port)
    command: tuple[str, ...] = ()  # that it runs; empty if its image has an entry point
    ended_at: str | None = None  # when it last ended, before it was started again
    health: str | None = None  # by its health check; None if it has none

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Container:
        """From what `docker inspect` prints."""
        state, labels = data["State"], data["Config"]["Labels"] or {}
        ended = state["FinishedAt"]
        ports = {
            int(inner.partition("/")[0]): tuple(
                (binding["HostIp"], int(binding["HostPort"])) for binding in bindings or ()
            )
            for inner, bindings in (data["NetworkSettings"]["Ports"] or {}).items()
        }
        ending = f"ended with exit code {state['ExitCode']}"
        if state.get("OOMKilled"):
            ending += ", over its memory limit"
        return cls(
            id=data["Id"],
            service=labels.get("com.docker.compose.service", ""),
            project=labels.get(PROJECT_LABEL, ""),
            running=bool(state["Running"]),
            pid=int(state["Pid"]),
            exit_code=int(state["ExitCode"]),
            ending=ending,
            image=data["Image"],
            image_name=data["Config"]["Image"],
            ports=ports,
            command=_command(data["Config"]),
            health=(state.get("Health") or {}).get("Status"),
            ended_at=None if ended.startswith("0001-") else ended,  # that means never
        )


def _command(config: Mapping[str, Any]) -> tuple[str, ...]:
    return () if config.get("Entrypoint") else tuple(config.get("Cmd") or ())


def docker(*arguments: str, timeout_s: float = ANSWER_S) -> str:
    """Standard output of a `docker` command. EngineError with its last line if it fails."""
    try:
        done = subprocess.run(
            ["docker", *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
            start_new_session=True,  # Ctrl-C goes to the lab alone, which cleans up
        )
    except FileNotFoundError:
        raise EngineError(
            f"no Docker engine: the command docker is not installed. Install it, {USE_LOCAL}"
        ) from None
    except subprocess.TimeoutExpired:
        raise EngineError(f"the Docker engine does not answer within {timeout_s:g} s") from None
    if done.returncode:
        raise EngineError(f"docker {arguments[0]}: {_last_line(done.stderr)}")
    return done.stdout


def version() -> str:
    """The version of the engine. EngineError if none answers."""
    try:
        return docker("version", "--format", "{{.Server.Version}}").strip()
    except EngineError as error:
        if "not installed" in str(error):
            raise
        problem = str(error).removeprefix("docker version: ")
        raise EngineError(
            f"the Docker engine does not answer ({problem}). Start it, {USE_LOCAL}"
        ) from None


def answers() -> bool:
    """Whether the engine answers."""
    try:
        version()
    except EngineError:
        return False
    return True


def context_host() -> str:
    """The address of the engine that `docker` uses; docker-compose 1 does not find it itself."""
    return docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}").strip()


def containers(project: str) -> list[Container]:
    """All containers of a project, stopped ones included."""
    chosen = ("--filter", f"label={PROJECT_LABEL}={project}")
    found = docker("ps", "--all", "--quiet", "--no-trunc", *chosen).split()
    return [Container.of(data) for data in json.loads(docker("inspect", *found))] if found else []


def inspect(container: str) -> Container:
    """One container as it is now."""
    return Container.of(json.loads(docker("inspect", container))[0])


def logs(container: str, lines: int | None = None, since: str | None = None) -> str:
    """What a container wrote to its log. EngineError if the engine does not answer in time.

    Args:
        container: Its id or name.
        lines: How many of the last lines; None for all.
        since: The time of the first line, as the engine writes it; None for all.
    """
    chosen: list[str] = [] if lines is None else ["--tail", str(lines)]
    chosen += [] if since is None else ["--since", since]
    try:
        return subprocess.run(
            ["docker", "logs", *chosen, container],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=ANSWER_S,
            check=False,
            start_new_session=True,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        raise EngineError("the Docker engine does not return the logs of its containers") from None


def pin_containers(cores: Iterable[int], found: Sequence[Container]) -> bool:
    """Keep containers on these cores; False if the engine or the system refuses."""
    wanted = ",".join(map(str, cores))
    try:
        docker("update", "--cpuset-cpus", wanted, *(container.id for container in found))
    except EngineError:
        return False
    return True


def port_proxies(ports: Iterable[int]) -> tuple[int, ...]:
    """Process ids of the engine's proxies for these published ports, if it uses proxies."""
    import psutil

    wanted = {str(port) for port in ports}
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] == PROXY:
            line = process.info["cmdline"] or []
            if "-host-port" in line and line[line.index("-host-port") + 1] in wanted:
                found.append(process.pid)
    return tuple(found)


def is_local(container: Container) -> bool:
    """Whether the processes of the container can be sampled on this machine."""
    try:
        text = Path(f"/proc/{container.pid}/cgroup").read_text(encoding="utf-8")
    except OSError:
        return False
    return container.id in text


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "failed without a message"
