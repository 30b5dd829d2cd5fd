"""The sample service on this machine: a process, a pricing process and a database per arm."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lab.child_processes import Child, Children
from lab.cpu_pinning import Cores, pin
from lab.instruments.service_profiler import command_prefix, read_profile
from lab.targets.postgres_databases import RunDatabases
from lab.targets.postgres_sessions import libpq_variables
from lab.targets.readiness import await_ready, identify
from lab.targets.service_settings import reset_script, validated_settings
from lab.targets.target_interface import Identity


@dataclass
class _Arm:
    """The processes of one arm."""

    database: str  # URL
    service: Child
    service_url: str
    pricing: Child
    pricing_url: str


class EmbeddedTarget:
    """Implements `Target`. `database_url` names a server to use instead of an embedded one."""

    name = "embedded"

    def __init__(
        self, children: Children, project: Path, cores: Cores, database_url: str | None
    ) -> None:
        self._children = children
        self._project = project
        self._cores = cores
        self._users_url = database_url
        self._databases: RunDatabases | None = None
        self._server_pid: int | None = None
        self._settings: dict[str, dict[str, str]] = {}
        self._expected: dict[str, dict[str, str]] = {}
        self._arms: dict[str, _Arm] = {}
        self._reset_script = reset_script(project)

    def check(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """Ask the service which settings it knows."""
        self._expected = validated_settings(self._project, arms)

    def start(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """Start the database, then all arms together."""
        self._databases = RunDatabases(self._children, self._cores.target, self._users_url)
        self._server_pid = self._databases.server_pid()
        for arm, settings in arms.items():
            self._settings[arm] = dict(settings)
            self._arms[arm] = self._start_arm(arm, self._databases.create(arm))
        for arm in arms:
            self._await(arm)
        for running in self._arms.values():
            self._pin(running)

    def url(self, arm: str) -> str:
        """The URL of an arm's service."""
        return self._arms[arm].service_url

    def identities(self, arm: str) -> dict[str, Identity]:
        """The processes that answer as service and as pricing."""
        running = self._arms[arm]
        urls = {"service": running.service_url, "pricing": running.pricing_url}
        return {role: identify(role, arm, url) for role, url in urls.items()}

    def expected(self, arm: str) -> dict[str, str]:
        """The settings of an arm as the service spells them."""
        return self._expected[arm]

    def dead(self, arm: str) -> str | None:
        """Which process of an arm has ended, and how."""
        running = self._arms[arm]
        children = [running.service, running.pricing]
        if self._databases is not None and self._databases.server is not None:
            children.append(self._databases.server)
        for child in children:
            if how := child.died():
                owner = "" if child.arm is None else f" of arm {arm}"
                return f"the {child.role}{owner} {how}"
        return None

    def restart(self, *arms: str) -> None:
        """New processes for service and pricing, on the same databases and ports, side by side."""
        before = {arm: self._arms[arm] for arm in arms}
        self._children.stop(
            *(child for each in before.values() for child in (each.service, each.pricing))
        )
        for arm, ended in before.items():
            self._arms[arm] = self._start_arm(arm, ended.database, ended)
        for arm in arms:
            self._await(arm)
        for arm in arms:
            self._pin(self._arms[arm])

    def reset(self, arm: str) -> None:
        """Restore the seeded rows, then VACUUM and CHECKPOINT."""
        assert self._databases is not None
        self._databases.sessions.reset(self._arms[arm].database, self._reset_script)

    def roles(self, arm: str) -> dict[str, tuple[int, ...]]:
        """Process ids of service, pricing and, if it runs here, the database."""
        running = self._arms[arm]
        found: dict[str, tuple[int, ...]] = {
            "service": (running.service.pid,),
            "pricing": (running.pricing.pid,),
        }
        if self._server_pid is not None:
            found["database"] = (self._server_pid,)
        return found

    def activity(self, arm: str) -> dict[str, Any]:
        """What the arm's sessions in PostgreSQL do and wait for."""
        assert self._databases is not None
        return self._databases.sessions.activity(self._arms[arm].database).as_dict()

    def profile(self, arm: str) -> ProfiledService:
        """A second service process on the arm's database and pricing, under pyinstrument."""
        file = self._children.folder / f"profile-{arm}.json"
        child, url = self._start_service(
            f"profile-{arm}",
            self._service_settings(arm, self._arms[arm].database, self._arms[arm].pricing_url),
            prefix=command_prefix(file),
            stop_signal=signal.SIGINT,
        )
        return ProfiledService(arm, url, child, self._children, self._cores, file)

    def conditions(self) -> dict[str, Any]:
        """Version and settings of the database; settings and processes of the arms."""
        assert self._databases is not None
        return {
            **self._databases.conditions(),
            "arms": {
                arm: {
                    "settings": dict(self._settings[arm]),
                    "service": {"pid": running.service.pid, "url": running.service_url},
                    "pricing": {"pid": running.pricing.pid, "url": running.pricing_url},
                }
                for arm, running in self._arms.items()
            },
        }

    def stop(self) -> None:
        """End the services and close the databases."""
        for running in self._arms.values():
            self._children.stop(running.service, running.pricing)
        self._arms.clear()
        if self._databases is not None:
            self._databases.close()
            self._databases = None

    def _start_arm(self, arm: str, database: str, before: _Arm | None = None) -> _Arm:
        """Start the processes of an arm; on the ports that it had before, if it had any."""
        pricing, pricing_url = self._listen(
            "pricing",
            arm,
            ["-m", "service.pricing"],
            self._settings[arm],
            url=before.pricing_url if before else None,
        )
        settings = self._service_settings(arm, database, pricing_url)
        service, service_url = self._start_service(
            arm,
            settings | {"DB_MIGRATE_ON_START": "true"},
            url=before.service_url if before else None,
        )
        return _Arm(database, service, service_url, pricing, pricing_url)

    def _service_settings(self, arm: str, database: str, pricing_url: str) -> dict[str, str]:
        """The environment of an arm's service; the lab's own variables win."""
        return {
            **self._settings[arm],
            **libpq_variables(),  # how to reach a server of the user's own
            "DATABASE_URL": database,
            "PRICING_URL": pricing_url,
        }

    def _start_service(
        self,
        label: str,
        env: Mapping[str, str],
        *,
        prefix: Sequence[str] = (),
        stop_signal: int = signal.SIGTERM,
        url: str | None = None,
    ) -> tuple[Child, str]:
        command = [*prefix, "-m", "service"]
        return self._listen("service", label, command, env, stop_signal=stop_signal, url=url)

    def _listen(
        self,
        role: str,
        label: str,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        stop_signal: int = signal.SIGTERM,
        url: str | None = None,
    ) -> tuple[Child, str]:
        """Start a Python web process on a socket bound here, so that no other can take its port.

        `url` is the one to listen at; None for any free port. Returns the process and its URL.
        """
        with socket.socket() as bound:
            # connections of an earlier process on this port may still be closing
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(("127.0.0.1", urlsplit(url).port or 0 if url else 0))
            child = self._children.start(
                [sys.executable, *command, "--fd", str(bound.fileno())],
                role=role,
                arm=label,
                env=env,
                cwd=self._project,
                cores=self._cores.all,  # those of the driver as well, while it starts
                pass_fds=(bound.fileno(),),
                stop_signal=stop_signal,
            )
            return child, f"http://127.0.0.1:{bound.getsockname()[1]}"

    def _await(self, arm: str) -> None:
        await_ready(
            partial(self.identities, arm), partial(self.dead, arm), partial(self._log_tail, arm)
        )

    def _pin(self, running: _Arm) -> None:
        for child in (running.service, running.pricing):
            pin(child.pid, self._cores.target)

    def _log_tail(self, arm: str) -> str:
        """The end of the log of the process that ended; of the service if none did."""
        running = self._arms[arm]
        dead = next((c for c in (running.pricing, running.service) if c.died()), running.service)
        return dead.log_tail()


@dataclass
class ProfiledService:
    """Implements `ProfiledCopy` for the embedded target."""

    arm: str
    url: str
    child: Child
    children: Children
    cores: Cores
    file: Path  # that the profiler writes

    def wait(self) -> None:
        """Wait until it is ready, and keep it on the target's cores."""
        await_ready(
            lambda: identify("profiled service", self.arm, self.url),
            lambda: (how := self.child.died()) and f"the profiled service {how}",
            self.child.log_tail,
        )
        pin(self.child.pid, self.cores.target)

    def finish(self) -> str:
        """Stop the service and read what the profiler wrote."""
        self.children.stop(self.child)
        return read_profile(self.file)
