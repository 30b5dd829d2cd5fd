"""The lab's own sessions on the databases of the arms: reset them, watch their activity."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lab.errors import first_line
from lab.targets.target_interface import DatabaseError

_CONNECT_S = 10


def libpq_variables() -> dict[str, str]:
    """PGHOST, PGPASSWORD and the like, which describe a server of the user's own."""
    return {name: value for name, value in os.environ.items() if name.startswith("PG")}


def drop_libpq_variables() -> None:
    """Remove them from this process: each connection of the lab would use them otherwise."""
    for name in libpq_variables():
        del os.environ[name]


@dataclass(frozen=True)
class Activity:
    """What the sessions of one database do at one moment."""

    active: int
    waiting: int  # for a lock
    waits: Mapping[str, int]  # "Lock:transactionid" -> number of sessions

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        return asdict(self)


class Sessions:
    """A session per database, by its URL, opened when it is first needed.

    Every method raises DatabaseError if the database cannot be reached or refuses.
    """

    def __init__(self) -> None:
        self._sessions: dict[str, Any] = {}

    def version(self, url: str) -> str:
        """The version of the server, such as 18.4."""
        import psycopg

        try:
            return str(self._session(url).execute("SHOW server_version").fetchone()[0])
        except psycopg.Error as error:
            raise DatabaseError(str(error).strip()) from error

    def forget(self, url: str) -> None:
        """Close the session of a database, so that it can be dropped and made anew."""
        if (session := self._sessions.pop(url, None)) is not None:
            session.close()

    def reset(self, url: str, script: str) -> None:
        """Run the script that restores the seeded state, then VACUUM and CHECKPOINT."""
        import psycopg

        try:
            session = self._session(url)
            session.execute(script.encode())
            session.execute("VACUUM")
            # a server of the user's own may not allow a checkpoint
            with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
                session.execute("CHECKPOINT")
        except psycopg.Error as error:
            raise DatabaseError(first_line(error)) from error

    def activity(self, url: str) -> Activity:
        """What the other sessions of a database do and wait for."""
        import psycopg

        try:
            rows = self._session(url).execute(
                "SELECT state, wait_event_type || ':' || wait_event, count(*) "
                "FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND state <> 'idle' GROUP BY 1, 2"
            )
            return _activity(rows.fetchall())
        except psycopg.Error as error:
            raise DatabaseError(first_line(error)) from error

    def close(self) -> None:
        """Close all sessions."""
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()

    def _session(self, url: str) -> Any:
        import psycopg

        if url not in self._sessions:
            session = psycopg.connect(
                url, autocommit=True, connect_timeout=_CONNECT_S, client_encoding="utf8"
            )
            session.execute("SET lock_timeout = '10s'")  # a session may hold a table for ever
            session.execute("SET statement_timeout = '60s'")
            self._sessions[url] = session
        return self._sessions[url]


def _activity(rows: list[tuple[str, str | None, int]]) -> Activity:
    waits: dict[str, int] = {}
    active = 0
    for state, wait, count in rows:
        active += count if state == "active" else 0
        label = wait if state == "active" else state
        if label:
            waits[label] = waits.get(label, 0) + count
    waiting = sum(count for label, count in waits.items() if label.startswith("Lock"))
    return Activity(active, waiting, waits)
