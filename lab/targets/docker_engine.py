"""The Docker engine of this machine, through its command line and Compose's.

`python -m lab.targets.docker_engine OWNER` removes all projects of that owner: the
watchdog runs it last for a lab that was killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.targets.interface import TargetUsageError
from lab.watchdog import start_ticks

PROJECT = "com.docker.compose.project"  # Compose labels all that it makes with it
_PATIENCE_S = 20.0  # with an engine that hangs
_REMOVAL_S = 60.0
_EMBEDDED = "or leave the target out: the default one, embedded, needs no engine"


class EngineError(TargetUsageError):
    """The engine is missing, does not answer or refuses; the user has to start or repair it."""


@dataclass(frozen=True)
class Container:
    """What the engine tells of a container."""

    id: str
    service: str  # its name in the Compose file
    project: str
    running: bool
    pid: int
    exit_code: int
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
            project=labels.get(PROJECT, ""),
            running=bool(state["Running"]),
            pid=int(state["Pid"]),
            exit_code=int(state["ExitCode"]),
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


def context_host() -> str:
    """The engine's address by the context that `docker` uses, which docker-compose 1 ignores."""
    return docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}").strip()


def owner() -> str:
    """This process, named apart from all others that an engine may serve, of other machines too."""
    return f"lab-{_host()}-{_boot()}-{os.getpid()}-{start_ticks(os.getpid())}"


def abandoned(project: str) -> bool:
    """Whether a project was a lab's of this machine that is no more."""
    found = re.match(r"lab-(\w+)-(\w+)-(\d+)-(\d+)-", project)
    if found is None or found[1] != _host():
        return False
    return found[2] != _boot() or start_ticks(int(found[3])) != int(found[4])


def _host() -> str:
    """This machine and, where processes are numbered anew in a container, that."""
    told = [platform.node(), str(Path("/proc/self/ns/pid").readlink())]
    with contextlib.suppress(OSError):
        told.append(Path("/etc/machine-id").read_text(encoding="ascii"))
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:8]


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]


def containers(project: str) -> list[Container]:
    """Every container of a project, stopped ones too."""
    chosen = ("--filter", f"label={PROJECT}={project}")
    found = docker("ps", "--all", "--quiet", "--no-trunc", *chosen).split()
    return [Container.of(data) for data in json.loads(docker("inspect", *found))] if found else []


def inspect(container: str) -> Container:
    """One container as it is now."""
    return Container.of(json.loads(docker("inspect", container))[0])


def logs(container: str, lines: int | None = None) -> str:
    """What a container wrote; EngineError where the engine does not answer in time."""
    tail = () if lines is None else ("--tail", str(lines))
    try:
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
    except (OSError, subprocess.TimeoutExpired):
        raise EngineError("the Docker engine does not hand out its containers' logs") from None


def pin_containers(cores: Iterable[int], found: Sequence[Container]) -> bool:
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


def listed(kind: str, mine: Callable[[str], bool]) -> list[str]:
    """Ids of what belongs to such projects; `kind` is ps, volume, network or image."""
    if kind == "image":  # it has no label of Compose's: the project is its name
        row = "{{.Repository}}:{{.Tag}} {{.Repository}}"
        table = docker("image", "ls", "--filter", "reference=lab-*", "--format", row)
    else:
        listing = (kind, "--all") if kind == "ps" else (kind, "ls")
        name = "{{.Name}}" if kind == "volume" else "{{.ID}}"
        row = f'{name} {{{{.Label "{PROJECT}"}}}}'
        table = docker(*listing, "--filter", f"label={PROJECT}", "--format", row)
    rows = (line.split() for line in table.splitlines())
    return [row[0] for row in rows if len(row) == 2 and mine(row[1])]


def remove(mine: Callable[[str], bool]) -> None:
    """Remove every container, volume, network and image of such projects, until none is left.

    It looks again: what a killed Compose command had asked for may still appear meanwhile.
    """
    deadline = time.monotonic() + _REMOVAL_S
    problem = ""
    while time.monotonic() < deadline:
        left = False
        for kind, removing in (
            ("ps", ("rm", "--force", "--volumes")),
            ("volume", ("volume", "rm", "--force")),
            ("network", ("network", "rm")),
            ("image", ("image", "rm", "--force")),
        ):
            if found := listed(kind, mine):
                left = True
                try:
                    docker(*removing, *found, timeout_s=max(1.0, deadline - time.monotonic()))
                except EngineError as error:  # half gone already: look again
                    problem = str(error)
                    time.sleep(0.2)
        if not left:
            return
    raise EngineError(f"what this run made cannot be removed: {problem}")


def of(owner_name: str) -> Callable[[str], bool]:
    """Which projects are this owner's."""
    return lambda project: project.startswith(f"{owner_name}-")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "failed without a word"


if __name__ == "__main__":
    with contextlib.suppress(EngineError):
        remove(of(sys.argv[1]))
