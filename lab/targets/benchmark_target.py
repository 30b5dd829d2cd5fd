"""What a benchmark needs beside its own processes: nothing, or a database for each of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from lab.hypothesis import Step
from lab.machine.cpu_pinning import Cores, pin_family
from lab.processes.child_processes import Children
from lab.targets.postgres_databases import RunDatabases


class BenchmarkTarget:
    """No service.

    Args:
        children: Starts the embedded server.
        cores: The server runs on those of the target.
        database_url: A server of the user's own; None for an embedded one.
        database: Whether the benchmark asks for databases at all.
    """

    name = "local"

    def __init__(
        self, children: Children, cores: Cores, database_url: str | None, database: bool
    ) -> None:
        self._children = children
        self._cores = cores
        self._users_url = database_url
        self._needs_database = database
        self._databases: RunDatabases | None = None
        self._urls: dict[Step, str] = {}
        self._server_pid: int | None = None

    def start(self, steps: Iterable[Step]) -> None:
        """Start PostgreSQL and create an empty database for each arm and value, if asked for.

        Processes of different values are alive at the same time, and each fills its database as
        its value requires.

        Raises DatabaseError or TargetUsageError as RunDatabases does.
        """
        if not self._needs_database:
            return
        self._databases = RunDatabases(self._children, self._cores.target, self._users_url)
        self._server_pid = self._databases.server_pid()
        self._create(self._databases, steps)

    def renew(self) -> None:
        """Replace all databases by empty ones. DatabaseError or TargetUsageError if refused."""
        if self._databases is not None:
            self._databases.drop_all()
            self._create(self._databases, list(self._urls))

    def _create(self, databases: RunDatabases, steps: Iterable[Step]) -> None:
        self._urls = {
            step: databases.create(_label(number, step)) for number, step in enumerate(steps, 1)
        }

    def pin(self, cores: Iterable[int]) -> None:
        """Keep the embedded server, if there is one, on these cores."""
        if self._databases is not None and self._databases.server is not None:
            pin_family(self._databases.server.pid, cores)

    def environment(self, step: Step) -> dict[str, str]:
        """Environment variables for the processes of an arm and value."""
        return {"DATABASE_URL": self._urls[step]} if step in self._urls else {}

    def roles(self) -> Mapping[str, tuple[int, ...]]:
        """Process ids by role, for the sampler."""
        return {} if self._server_pid is None else {"database": (self._server_pid,)}

    def conditions(self) -> dict[str, Any]:
        """Version and settings of the database, if there is one."""
        return {} if self._databases is None else self._databases.conditions()

    def stop(self) -> None:
        """Close the databases; drop them on a server of the user's own."""
        if self._databases is not None:
            self._databases.close()
            self._databases = None


def _label(number: int, step: Step) -> str:
    """The end of a database's name: different even if long names are cut short."""
    return f"{number}_{re.sub(r'[^a-z0-9]', '_', str(step).lower())}"
