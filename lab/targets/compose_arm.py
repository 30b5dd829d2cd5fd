"""One arm under Compose: its project, and its containers by role."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from lab.processes.cleanup_watchdog import start_ticks
from lab.system import ComposeSpec
from lab.targets import docker_engine
from lab.targets.compose_command import ComposeProject
from lab.targets.compose_file import loopback_port
from lab.targets.docker_engine import PROXY, Container, EngineError
from lab.targets.target_interface import TargetFailure, TargetUsageError

_NEVER = -1  # no process starts then
_MORE_TIME = (
    "`within` of the `ready` of the process that is loaded, or of [compose] without one, gives it "
    "more time"
)
_NOTICED_S = 2.0  # an engine notices that a container has ended


@dataclass
class ComposeArm:
    """The containers of an arm, as they were when they were found."""

    name: str
    project: ComposeProject
    spec: ComposeSpec
    containers: dict[str, Container] = field(default_factory=dict)
    _started: dict[str, int | None] = field(default_factory=dict)  # ticks of the first process

    def find(self, *roles: str) -> None:
        """Find the containers that came up since; TargetUsageError if one of these roles is not."""
        for container in docker_engine.containers(self.project.name):
            if container.service not in self.containers:
                self.containers[container.service] = container
                ticks = start_ticks(container.pid) if container.running else None
                self._started[container.service] = _NEVER if ticks is None else ticks
                if container.running and not docker_engine.is_local(container):
                    _refuse_remote(container)
        if missing := [role for role in roles if role not in self.containers]:
            raise TargetUsageError(
                f"{self.spec.file}: Compose starts no container for service "
                f"{' and '.join(missing)} (replicas: 0, or a profile?)"
            )

    def find_again(self, *roles: str) -> None:
        """Find these containers as they are after a restart."""
        for role in roles:
            del self.containers[role]
        self.find(*roles)

    def port(self, role: str) -> int:
        """The port on loopback of a container; TargetUsageError if it has none."""
        return loopback_port(
            self.spec, role, self.containers[role].ports.get(self.spec.ports[role], ())
        )

    def url(self, role: str) -> str:
        """The URL of a container."""
        return f"http://127.0.0.1:{self.port(role)}"

    def roles(self) -> dict[str, tuple[int, ...]]:
        """The first process of each container, and the engine's proxies of its ports."""
        found: dict[str, tuple[int, ...]] = {
            role: (container.pid,) for role, container in self.containers.items()
        }
        if proxies := docker_engine.port_proxies(self.port(role) for role in self.spec.ports):
            found[PROXY] = proxies
        return found

    def dead(self) -> str | None:
        """Which container has ended, and how, as far as the engine reports it."""
        for role, container in list(self.containers.items()):
            if not self._has_ended(role):
                continue
            try:
                now = docker_engine.inspect(container.id)
            except EngineError:
                how = "ended, and the Docker engine does not answer any more"
            else:
                is_further = role not in self.spec.ports
                if is_further and now.running and now.pid == self.containers[role].pid:
                    continue  # it has ended just now, and the engine is about to see it
                if now.running:
                    return f"the {role}'s container of arm {self.name} ended, and started again"
                if is_further and now.exit_code == 0:  # its work is done
                    del self.containers[role]
                    continue
                how = now.ending
            return f"the {role}'s container of arm {self.name} {how}"
        return None

    def check_healthy(self, role: str) -> None:
        """TargetFailure while a container is not healthy, TargetUsageError if it cannot be."""
        known = self.containers.get(role)
        health = None if known is None else docker_engine.inspect(known.id).health
        if health is None:
            raise TargetUsageError(
                f"{self.spec.file}: a service depends on {role} with service_healthy, and {role} "
                "has no healthcheck, or has ended"
            )
        if health != "healthy":
            raise TargetFailure(f"the {role} of arm {self.name} is {health}. {_MORE_TIME}")

    def check_done(self, role: str) -> None:
        """TargetFailure while `dead` has not found that a further container has done its work."""
        if role in self.containers:
            raise TargetFailure(
                f"the {role} of arm {self.name} has not ended, and a service depends on it with "
                f"service_completed_successfully. {_MORE_TIME}"
            )

    def log_tail(self, lines: int) -> str:
        """The end of the log of the container that ended; of the newest if none did."""
        ended = (role for role in self.containers if self._has_ended(role))
        role = next(ended, list(self.containers)[-1])
        return docker_engine.logs(self.containers[role].id, lines).rstrip()

    def _has_ended(self, role: str) -> bool:
        return start_ticks(self.containers[role].pid) != self._started[role]


def _refuse_remote(container: Container) -> None:
    """EngineError, unless the container has only just ended: then `dead` reports it."""
    until = time.monotonic() + _NOTICED_S
    while docker_engine.inspect(container.id).running:
        if time.monotonic() < until:
            time.sleep(0.1)
            continue
        raise EngineError(
            "the Docker engine runs its containers on another machine, or in a virtual one: "
            "what they use cannot be sampled from here. Use an engine of this machine, or the "
            "local target"
        )
