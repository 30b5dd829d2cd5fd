"""The Docker engine of this machine, through its command line and Compose's.

`python -m lab.targets.engine LABEL` removes everything that carries the label: the guard's last
word for a lab that was killed.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.targets.base import TargetError

LABEL = "bottleneck-lab.run"  # on every container, network and volume that the lab makes
_PATIENCE_S = 20.0  # with an engine that hangs
_REMOVAL_S = 60.0
_EMBEDDED = "or leave the target out: the default one, embedded, needs no engine"


class EngineError(TargetError):
    """The engine is missing, does not answer or refuses; it is the user's to start or mend."""

    def __init__(self, message: str) -> None:
        super().__init__(message, usage=True)


@dataclass(frozen=True)
class Container:
    """What the engine tells of a container."""

    id: str
    service: str  # its name in the Compose file
    project: str
    running: bool
    pid: int
    ending: str  # how it ended, in words, if it did
    image: str  # digest
    image_name: str
    ports: Mapping[int, tuple[tuple[str, int], ...]]  # inner -> published (address, port)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Container:
        """From what `docker inspect` prints."""
        state, labels = data["State"], data["Config"]["Labels"] or {}
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
            project=labels.get("com.docker.compose.project", ""),
            running=bool(state["Running"]),
            pid=int(state["Pid"]),
            ending=ending,
            image=data["Image"],
            image_name=data["Config"]["Image"],
            ports=ports,
        )


def docker(*arguments: str, timeout_s: float = _PATIENCE_S) -> str:
    """Standard output of a `docker` command; EngineError with its last line where it fails."""
    try:
        done = subprocess.run(
            ["docker", *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
            start_new_session=True,  # a Ctrl-C is for the lab, which then clears up
        )
    except FileNotFoundError:
        raise EngineError(
            f"no Docker engine: the command docker is not installed. Install it, {_EMBEDDED}"
        ) from None
    except subprocess.TimeoutExpired:
        raise EngineError(f"the Docker engine does not answer within {timeout_s:g} s") from None
    if done.returncode:
        raise EngineError(f"docker {arguments[0]}: {_last_line(done.stderr)}")
    return done.stdout


def version() -> str:
    """The engine's version; EngineError where none answers."""
    try:
        return docker("version", "--format", "{{.Server.Version}}").strip()
    except EngineError as error:
        if "not installed" in str(error):
            raise
        told = str(error).removeprefix("docker version: ")
        raise EngineError(
            f"the Docker engine does not answer ({told}). Start it, {_EMBEDDED}"
        ) from None


def answers() -> bool:
    """Whether the engine does."""
    try:
        version()
    except EngineError:
        return False
    return True


def compose() -> tuple[str, ...]:
    """The Compose command of this machine: the plugin, else the older program of its own."""
    for command in (("docker", "compose"), ("docker-compose",)):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            tried = subprocess.run(
                [*command, "version"], capture_output=True, timeout=_PATIENCE_S, check=False
            )
            if tried.returncode == 0:
                return command
    raise EngineError(
        f"neither `docker compose` nor `docker-compose` works here. Install one, {_EMBEDDED}"
    )


def containers(label: str) -> list[Container]:
    """Every container with this label, stopped ones too."""
    found = docker("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={label}").split()
    return [Container.of(data) for data in json.loads(docker("inspect", *found))] if found else []


def inspect(container: str) -> Container:
    """One container as it is now."""
    return Container.of(json.loads(docker("inspect", container))[0])


def logs(container: str, lines: int | None = None) -> str:
    """What a container wrote to standard output and standard error."""
    tail = () if lines is None else ("--tail", str(lines))
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        return subprocess.run(
            ["docker", "logs", *tail, container],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
            start_new_session=True,
        ).stdout
    return ""


def keep_on(cores: Iterable[int], found: Sequence[Container]) -> bool:
    """Keep containers on these cores; False where the engine or the system refuses."""
    wanted = ",".join(map(str, cores))
    try:
        docker("update", "--cpuset-cpus", wanted, *(container.id for container in found))
    except EngineError:
        return False
    return True


def proxies(ports: Iterable[int]) -> tuple[int, ...]:
    """The engine's own processes that pass a published port on, where it uses them."""
    import psutil

    wanted = {str(port) for port in ports}
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] == "docker-proxy":
            line = process.info["cmdline"] or []
            if "-host-port" in line and line[line.index("-host-port") + 1] in wanted:
                found.append(process.pid)
    return tuple(found)


def here(container: Container) -> bool:
    """Whether the container's processes can be watched from this machine."""
    try:
        text = Path(f"/proc/{container.pid}/cgroup").read_text(encoding="utf-8")
    except OSError:
        return False
    return container.id in text


def remove(label: str) -> None:
    """Remove every container, volume and network with this label, until none is left.

    It looks again: what a killed Compose command had asked for may still appear meanwhile.
    """
    chosen = ("--filter", f"label={label}")
    deadline = time.monotonic() + _REMOVAL_S
    problem = ""
    while time.monotonic() < deadline:
        left = False
        for listing, removing in (
            (("ps", "--all", "--quiet"), ("rm", "--force", "--volumes")),
            (("volume", "ls", "--quiet"), ("volume", "rm", "--force")),
            (("network", "ls", "--quiet"), ("network", "rm")),
        ):
            if found := docker(*listing, *chosen).split():
                left = True
                try:
                    docker(*removing, *found, timeout_s=_REMOVAL_S)
                except EngineError as error:  # half gone already: look again
                    problem = str(error)
                    time.sleep(0.2)
        if not left:
            return
    raise EngineError(f"what carries the label {label} cannot be removed: {problem}")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "failed without a word"


if __name__ == "__main__":
    with contextlib.suppress(EngineError):
        remove(sys.argv[1])
