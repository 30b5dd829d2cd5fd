"""A database for each arm of a run: on an embedded server, or on a server of the user's own."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from lab.errors import first_line
from lab.machine.conditions import DATABASE_SERVER
from lab.processes.child_processes import Child, Children
from lab.system import System
from lab.system.placeholders import POSTGRES_PARTS
from lab.targets.embedded_postgres import OWNER, EmbeddedPostgres
from lab.targets.postgres_sessions import Sessions, drop_libpq_variables
from lab.targets.target_interface import DatabaseError, TargetUsageError

_CONNECT_S = 10

OF_EACH_ARM = {"postgresql_is": "a container of each arm's own"}
"""What `whose_server` is of a Compose file's databases."""


def users_server_url() -> str | None:
    """The server of the user's own, from LAB_DATABASE_URL; None for an embedded one."""
    return os.environ.get("LAB_DATABASE_URL") or None


def server_hosts(url: str) -> tuple[str, ...]:
    """The hosts of a PostgreSQL server, and the folders of its Unix sockets."""
    parts = urlsplit(url)
    given = [value for name, value in parse_qsl(parts.query) if name in ("host", "hostaddr")]
    hosts = [host for value in (parts.hostname or "", *given) for host in value.split(",")]
    return tuple(filter(None, hosts)) or tuple(filter(None, [os.environ.get("PGHOST")]))


def server_address(url: str) -> list[str]:
    """Where a PostgreSQL server is: hosts and ports, as its URL and the environment write them."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return []  # no URL: it is refused when it is used
    given = dict(parse_qsl(parts.query))
    return [
        parts.netloc.rpartition("@")[2],
        *(given.get(name, "") for name in ("host", "hostaddr", "port")),
        *(os.environ.get(name, "") for name in ("PGHOST", "PGHOSTADDR", "PGPORT")),
    ]


def whose_server(users_url: str | None) -> dict[str, str]:
    """Whose a server is, as the conditions of a run have it: no address, which may be a secret.

    Args:
        users_url: Of a server of the user's own; None for an embedded one.
    """
    if users_url is None:
        return {"postgresql_is": "embedded"}
    address = json.dumps(server_address(users_url)).encode()
    digest = hashlib.sha256(address).hexdigest()[:16]
    return {"postgresql_is": "the user's server", DATABASE_SERVER: f"sha256:{digest}"}


def parts_of(url: str) -> dict[str, str]:
    """The parts of a database's address, by their placeholders, as a connection to it has them.

    Raises:
        DatabaseError: It cannot be reached.
    """
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=_CONNECT_S) as connection:
            info = connection.info
            parts = (info.host, str(info.port), info.user, info.password, info.dbname)
    except psycopg.Error as error:
        raise DatabaseError(_redacted(first_line(error), url)) from None
    return dict(zip(POSTGRES_PARTS, parts, strict=True))


def reset_script(system: System, project: Path) -> str | None:
    """The SQL that brings a database back to its first state; None if there is none."""
    if system.postgres is None or system.postgres.reset is None:
        return None
    path = project / system.postgres.reset
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TargetUsageError(f"{path}: cannot be read ({error})") from error


class RunDatabases:
    """The databases of a run and the server that they are on.

    Raises DatabaseError if the embedded server fails, and TargetUsageError if a server of the
    user's own cannot be used.
    """

    def __init__(
        self,
        children: Children,
        cores: Iterable[int],
        users_url: str | None,
        *,
        over_tcp: bool = False,
    ) -> None:
        self._users_url = users_url
        self._is_users = users_url is not None
        self._embedded: EmbeddedPostgres | None = None
        url = users_url
        with self._blamed():
            if url is None:
                drop_libpq_variables()
                self._embedded = EmbeddedPostgres(children, cores, over_tcp=over_tcp)
                self._embedded.start()
                url = self._embedded.url
            self._databases = Databases(url, prefix=f"lab_{secrets.token_hex(4)}")

    @property
    def server(self) -> Child | None:
        """The process of the embedded server; None if it is the user's own."""
        return None if self._embedded is None else self._embedded.child

    @property
    def sessions(self) -> Sessions:
        """Sessions on these databases."""
        return self._databases.sessions

    def create(self, arm: str) -> str:
        """Create the database of an arm; its URL."""
        with self._blamed():
            return self._databases.create(arm)

    def parts(self, url: str) -> dict[str, str]:
        """The parts of a database's address, by their placeholders; of an embedded one, over TCP.

        Args:
            url: As `create` returned it.
        """
        if self._embedded is None:
            with self._blamed():
                return parts_of(url)
        embedded, name = self._embedded, unquote(urlsplit(url).path[1:])
        parts = ("127.0.0.1", str(embedded.port), OWNER, embedded.password, name)
        return dict(zip(POSTGRES_PARTS, parts, strict=True))

    def drop_all(self) -> None:
        """Drop all databases of the run."""
        with self._blamed():
            self._databases.drop_all()

    def server_pid(self) -> int | None:
        """The first process of the server; None if it does not run on this machine."""
        return self._databases.server_pid()

    def conditions(self) -> dict[str, Any]:
        """Version and settings of the server, and whose it is: see `whose_server`."""
        return {
            "postgresql": self._databases.version,
            **whose_server(self._users_url),
            "postgresql_settings": {} if self._embedded is None else self._embedded.settings,
        }

    def close(self) -> None:
        """Close all sessions; drop what was created on a server of the user's own."""
        self._databases.close(drop=self._is_users)

    @contextlib.contextmanager
    def _blamed(self) -> Iterator[None]:
        """Report a failure of the user's own server as one that the user can correct."""
        try:
            yield
        except DatabaseError as error:
            if self._is_users:
                raise TargetUsageError(str(error)) from error
            raise


class Databases:
    """Databases that are created on one server. Only those are ever dropped."""

    def __init__(self, url: str, prefix: str) -> None:
        """Connect to the server. Raises DatabaseError if that fails."""
        import psycopg

        self._url = _without_driver(url)
        self._prefix = prefix
        self._created: list[str] = []
        self.sessions = Sessions()
        try:
            self._admin = psycopg.connect(self._url, autocommit=True, connect_timeout=_CONNECT_S)
        except psycopg.Error as error:
            problem = _redacted(first_line(error), self._url)
            raise DatabaseError(f"cannot connect to PostgreSQL: {problem}") from None

    @property
    def version(self) -> str:
        """The version of the server, such as 18.4."""
        return self.sessions.version(self._url)

    def server_pid(self) -> int | None:
        """The first process of the server; None if it cannot be seen from this machine."""
        import psutil

        backend = self._admin.info.backend_pid
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(backend)
            parent = process.parent()
            if "postgres" in process.name() and parent is not None:
                return int(parent.pid)
        return None

    def create(self, label: str) -> str:
        """Create a database named PREFIX_LABEL; its URL. Raises DatabaseError if refused."""
        import psycopg
        from psycopg import sql

        name = f"{self._prefix}_{label}".replace("-", "_")[:63]
        try:
            self._admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except psycopg.Error as error:
            raise DatabaseError(f"cannot create database {name}: {first_line(error)}") from error
        self._created.append(name)
        return self.url(name)

    def url(self, name: str) -> str:
        """The URL of one database on this server."""
        parts = urlsplit(self._url)
        return urlunsplit(parts._replace(path=f"/{quote(name)}"))

    def drop_all(self) -> None:
        """Drop what was created. Raises DatabaseError if refused."""
        import psycopg

        while self._created:
            try:
                self._drop(self._created[-1])
            except psycopg.Error as error:
                name = self._created[-1]
                raise DatabaseError(f"cannot drop database {name}: {first_line(error)}") from error
            self._created.pop()

    def close(self, drop: bool) -> None:
        """Close all sessions; drop what was created if asked to."""
        import psycopg

        self.sessions.close()
        for name in self._created if drop else ():
            with contextlib.suppress(psycopg.Error):  # so that the others are dropped
                self._drop(name)
        self._created.clear()
        self._admin.close()

    def _drop(self, name: str) -> None:
        from psycopg import sql

        self._admin.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )


def _without_driver(url: str) -> str:
    """The URL for libpq: postgresql+asyncpg:// becomes postgresql://."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise DatabaseError(
            "LAB_DATABASE_URL is not a URL (a password's % / @ [ are written %25 %2F %40 %5B)"
        ) from None
    scheme = parts.scheme.partition("+")[0]
    if scheme not in ("postgresql", "postgres"):
        raise DatabaseError("LAB_DATABASE_URL must begin with postgresql://")
    query = urlencode(parse_qsl(parts.query), safe="/")
    return urlunsplit(parts._replace(scheme="postgresql", query=query))


def _redacted(text: str, url: str) -> str:
    """The message without the password, of which an error may quote a part."""
    netloc = urlsplit(url).netloc
    secret = netloc.rpartition("@")[0].partition(":")[2]
    if not secret:
        return text
    return "the URL is not valid" if "token" in text else text.replace(secret, "***")
