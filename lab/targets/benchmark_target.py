"""What a benchmark needs beside itself: nothing, or a database per arm."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from lab.cpu_pinning import Cores
from lab.processes import Children
from lab.targets.interface import TargetFailure, TargetUsageError
from lab.targets.postgres import DatabaseError, Databases, EmbeddedPostgres, forget_variables


class BenchmarkTarget:
    """No service. `LAB_DATABASE_URL` names a server to use instead of an embedded one."""

    name = "embedded"

    def __init__(
        self, children: Children, cores: Cores, database_url: str | None, database: bool
    ) -> None:
        self._children = children
        self._cores = cores
        self._given_url = database_url
        self._wanted = database
        self._databases: Databases | None = None
        self._urls: dict[str, str] = {}
        self._server_pid: int | None = None

    def start(self, arms: Iterable[str]) -> None:
        """Start PostgreSQL, and create an empty database for each arm, where one is wanted."""
        if not self._wanted:
            return
        try:
            url = self._given_url
            if url is None:
                forget_variables()
                postgres = EmbeddedPostgres(self._children, self._cores.target)
                postgres.start()
                url = postgres.url
            self._databases = Databases(url, prefix=f"lab_{secrets.token_hex(4)}")
            self._server_pid = self._databases.server_pid()
            self._urls = {arm: self._databases.create(arm) for arm in arms}
        except DatabaseError as error:
            kind = TargetFailure if self._given_url is None else TargetUsageError
            raise kind(str(error)) from error

    def environment(self, arm: str) -> dict[str, str]:
        """What the arm's processes are told."""
        return {"DATABASE_URL": self._urls[arm]} if arm in self._urls else {}

    def roles(self) -> Mapping[str, tuple[int, ...]]:
        """Process ids by role, for the sampler."""
        return {} if self._server_pid is None else {"database": (self._server_pid,)}

    def conditions(self) -> dict[str, Any]:
        """Database version and settings, where there is one."""
        if self._databases is None:
            return {}
        return {
            "postgresql": self._databases.version,
            "postgresql_is": "the user's server" if self._given_url else "embedded",
            "postgresql_settings": {} if self._given_url else dict(EmbeddedPostgres.SETTINGS),
        }

    def stop(self) -> None:
        """Drop what was created on a server that lives on."""
        if self._databases is not None:
            self._databases.close(drop=self._given_url is not None)
            self._databases = None
