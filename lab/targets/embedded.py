"""The sample service on this machine: a process, a pricing process and a database per arm."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lab.cpu_pinning import Cores, pin
from lab.instruments.profiler import command_prefix, read_profile
from lab.processes import Child, Children
from lab.targets.interface import Identity, TargetFailure, TargetUsageError
from lab.targets.postgres import DatabaseError, Databases, EmbeddedPostgres, forget_variables
from lab.targets.service_readiness import await_ready, identify, known_settings


@dataclass
class _Arm:
    database: str
    service: Child
    service_url: str
    pricing: Child
    pricing_url: str


class EmbeddedTarget:
    """Implements `Target`. `LAB_DATABASE_URL` names a server to use instead of an embedded one."""

    name = "embedded"

    def __init__(
        self, children: Children, project: Path, cores: Cores, database_url: str | None
    ) -> None:
        self._children = children
        self._project = project
        self._cores = cores
        self._given_url = database_url
        self._postgres: EmbeddedPostgres | None = None
        self._databases: Databases | None = None
        self._server_pid: int | None = None
        self._settings: dict[str, dict[str, str]] = {}
        self._expected: dict[str, dict[str, str]] = {}
        self._arms: dict[str, _Arm] = {}
        self._reset_sql = (project / "service" / "reset.sql").read_text(encoding="utf-8")

    def check(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """Ask the service itself which settings it knows."""
        self._expected = known_settings(self._project, arms)

    def start(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """Start the database, then every arm at once."""
        try:
            self._start_databases()
            for arm, settings in arms.items():
                self._settings[arm] = dict(settings)
                self._arms[arm] = self._start_arm(arm)
        except DatabaseError as error:
            kind = TargetFailure if self._given_url is None else TargetUsageError
            raise kind(str(error)) from error
        for arm in arms:
            await_ready(
                partial(self.identities, arm), partial(self.dead, arm), partial(self._tail, arm)
            )
        for running in self._arms.values():
            self._pin(running)

    def url(self, arm: str) -> str:
        """Where an arm's service answers."""
        return self._arms[arm].service_url

    def identities(self, arm: str) -> dict[str, Identity]:
        """Who answers as service and as pricing."""
        running = self._arms[arm]
        urls = {"service": running.service_url, "pricing": running.pricing_url}
        return {role: identify(role, arm, url) for role, url in urls.items()}

    def expected(self, arm: str) -> dict[str, str]:
        """The settings of an arm as the service itself spells them."""
        return self._expected[arm]

    def dead(self, arm: str) -> str | None:
        """Which process of an arm has ended."""
        running = self._arms[arm]
        children = [running.service, running.pricing]
        if self._postgres is not None and self._postgres.child is not None:
            children.append(self._postgres.child)
        for child in children:
            if how := child.died():
                owner = "" if child.arm is None else f" of arm {arm}"
                return f"the {child.role}{owner} {how}"
        return None

    def restart(self, arm: str) -> None:
        """Fresh service and pricing, on the database that the arm has."""
        running = self._arms[arm]
        self._children.stop(running.service, running.pricing)
        self._arms[arm] = self._start_arm(arm, running)
        await_ready(
            partial(self.identities, arm), partial(self.dead, arm), partial(self._tail, arm)
        )
        self._pin(self._arms[arm])

    def reset(self, arm: str) -> None:
        """Seeded rows only, storage tidy, WAL flushed."""
        assert self._databases is not None
        self._databases.sessions.reset(self._arms[arm].database, self._reset_sql)

    def roles(self, arm: str) -> dict[str, tuple[int, ...]]:
        """Service, pricing and, where it is ours, the database."""
        running = self._arms[arm]
        found: dict[str, tuple[int, ...]] = {
            "service": (running.service.pid,),
            "pricing": (running.pricing.pid,),
        }
        assert self._databases is not None
        if (server := self._server_pid) is not None:
            found["database"] = (server,)
        return found

    def activity(self, arm: str) -> dict[str, Any]:
        """The arm's sessions in PostgreSQL."""
        assert self._databases is not None
        return self._databases.sessions.activity(self._arms[arm].database).as_dict()

    def profile(self, arm: str) -> ProfiledService:
        """A second service process on the arm's database and pricing, under pyinstrument."""
        return ProfiledService(self, arm)

    def conditions(self) -> dict[str, Any]:
        """Database version and settings, processes by arm, settings as proven."""
        assert self._databases is not None
        return {
            "postgresql": self._databases.version,
            "postgresql_is": "the user's server" if self._given_url else "embedded",
            "postgresql_settings": {} if self._given_url else dict(EmbeddedPostgres.SETTINGS),
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
        """End the services, then drop what was created on a server that lives on."""
        for running in self._arms.values():
            self._children.stop(running.service, running.pricing)
        self._arms.clear()
        if self._databases is not None:
            self._databases.close(drop=self._given_url is not None)
            self._databases = None

    def start_service(
        self, label: str, arm: str, prefix: Sequence[str] = (), stop_signal: int = signal.SIGTERM
    ) -> tuple[Child, str]:
        """Start a service process with an arm's settings on a free port."""
        running = self._arms.get(arm)
        assert running is not None
        env = self._settings[arm] | {
            **_client_defaults(),
            "DATABASE_URL": running.database,
            "PRICING_URL": running.pricing_url,
        }
        return self._listen("service", label, ["-m", "service"], env, prefix, stop_signal)

    def _start_databases(self) -> None:
        url = self._given_url
        if url is None:
            forget_variables()
            self._postgres = EmbeddedPostgres(self._children, self._cores.target)
            self._postgres.start()
            url = self._postgres.url
        self._databases = Databases(url, prefix=f"lab_{secrets.token_hex(4)}")
        self._server_pid = self._databases.server_pid()

    def _pin(self, running: _Arm) -> None:
        for child in (running.service, running.pricing):
            pin(child.pid, self._cores.target)

    def _start_arm(self, arm: str, before: _Arm | None = None) -> _Arm:
        """Start an arm's processes; where they were before, on the same ports and database."""
        assert self._databases is not None
        settings = self._settings[arm]
        database = before.database if before else self._databases.create(arm)
        pricing, pricing_url = self._listen(
            "pricing",
            arm,
            ["-m", "service.pricing"],
            settings,
            url=before.pricing_url if before else None,
        )
        env = settings | {
            **_client_defaults(),
            "DATABASE_URL": database,
            "PRICING_URL": pricing_url,
            "DB_MIGRATE_ON_START": "true",
        }
        service, service_url = self._listen(
            "service", arm, ["-m", "service"], env, url=before.service_url if before else None
        )
        return _Arm(database, service, service_url, pricing, pricing_url)

    def _listen(
        self,
        role: str,
        label: str,
        module: Sequence[str],
        env: Mapping[str, str],
        prefix: Sequence[str] = (),
        stop_signal: int = signal.SIGTERM,
        url: str | None = None,
    ) -> tuple[Child, str]:
        """Start a web process on a socket bound here: its port cannot be lost to another."""
        with socket.socket() as bound:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of before
            bound.bind(("127.0.0.1", urlsplit(url).port or 0 if url else 0))
            child = self._children.start(
                [sys.executable, *prefix, *module, "--fd", str(bound.fileno())],
                role=role,
                arm=label,
                env=env,
                cwd=self._project,
                pass_fds=(bound.fileno(),),
                stop_signal=stop_signal,
            )
            return child, f"http://127.0.0.1:{bound.getsockname()[1]}"

    def _tail(self, arm: str) -> str:
        running = self._arms[arm]
        dead = next((c for c in (running.pricing, running.service) if c.died()), running.service)
        return dead.log_tail()


class ProfiledService:
    """Implements `ProfiledCopy` for the embedded target."""

    def __init__(self, target: EmbeddedTarget, arm: str) -> None:
        self._target = target
        self._arm = arm
        self._file = target._children.folder / f"profile-{arm}.json"
        self._child, self.url = target.start_service(
            f"profile-{arm}", arm, command_prefix(self._file), stop_signal=signal.SIGINT
        )

    def wait(self) -> None:
        """Wait until it is ready, and keep it on the target's cores."""
        await_ready(
            lambda: identify("profiled service", self._arm, self.url),
            lambda: (how := self._child.died()) and f"the profiled service {how}",
            self._child.log_tail,
        )
        pin(self._child.pid, self._target._cores.target)

    def finish(self) -> str:
        """Stop the service and read what the profiler wrote."""
        self._target._children.stop(self._child)
        return read_profile(self._file)


def _client_defaults() -> dict[str, str]:
    """PGPASSWORD and its like: what connects the lab to a server of the user's own."""
    return {name: value for name, value in os.environ.items() if name.startswith("PG")}


def database_url_given() -> str | None:
    """The user's own server, from LAB_DATABASE_URL."""
    return os.environ.get("LAB_DATABASE_URL") or None
