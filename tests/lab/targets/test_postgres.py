"""Databases of a run and sessions on them, on a real server."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from lab.exit_codes import ExitCode
from lab.processes.child_processes import Children
from lab.targets.postgres_databases import Databases, RunDatabases, whose_server
from lab.targets.postgres_sessions import Sessions
from lab.targets.target_interface import DatabaseError, TargetUsageError


@pytest.fixture
def children() -> Iterator[Children]:
    with Children() as made:
        yield made


@pytest.fixture
def sessions() -> Iterator[Sessions]:
    made = Sessions()
    yield made
    made.close()


def names(postgres: str) -> set[str]:
    """The databases on the server."""
    with psycopg.connect(postgres) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database")}


@pytest.mark.slow
def test_an_embedded_server_is_started_and_ends_with_its_processes() -> None:
    with Children() as children:
        run = RunDatabases(children, [0], None)
        assert run.server is not None and run.server_pid() == run.server.pid
        assert run.create("a-b").endswith("_a_b?host=" + str(children.folder / "postgres"))
        conditions = run.conditions()
        assert conditions["postgresql_is"] == "embedded"
        assert conditions["postgresql_settings"]["fsync"] == "off"
        run.close()
    assert run.server.died() is not None


def test_on_a_users_server_only_what_was_created_is_dropped(
    postgres: str, children: Children
) -> None:
    before = names(postgres)
    run = RunDatabases(children, [0], postgres.replace("postgresql:", "postgresql+asyncpg:"))
    run.create("narrow")
    run.create("wide")
    made = names(postgres) - before
    assert len(made) == 2 and all(name.startswith("lab_") for name in made)
    assert run.server is None
    assert whose_server(postgres).items() <= run.conditions().items()
    assert run.conditions()["postgresql_is"] == "the user's server"
    run.close()
    assert names(postgres) == before


def test_a_server_is_known_by_a_digest_of_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGHOST", "PGHOSTADDR", "PGPORT"):
        monkeypatch.delenv(name, raising=False)
    assert whose_server(None) == {"postgresql_is": "embedded"}
    first = whose_server("postgresql://me:secret@db:5432/shop")
    assert first["postgresql_is"] == "the user's server"
    assert first["postgresql_server"].startswith("sha256:")
    assert "secret" not in str(first)
    same = ("postgresql://other:changed@db:5432/x", "postgresql+asyncpg://db:5432/shop")
    others = ("postgresql://db:5433/shop", "postgresql://db2:5432/shop", "postgresql:///x?host=db")
    assert all(whose_server(url) == first for url in same)
    assert len({whose_server(url)["postgresql_server"] for url in others}) == len(others)
    assert all(whose_server(url) != first for url in others)
    without_host = whose_server("postgresql:///shop")
    monkeypatch.setenv("PGHOST", "elsewhere")
    assert whose_server("postgresql:///shop") != without_host


def test_what_is_no_url_is_refused_by_who_uses_it_alone() -> None:
    assert (
        whose_server("postgresql://me:se[cret@localhost/x")["postgresql_is"] == "the user's server"
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://localhost/x", "must begin with postgresql://"),
        ("postgresql://me:se[cret@localhost/x", "is not a URL"),
        ("postgresql://me:secret@127.0.0.1:1/x", "cannot connect to PostgreSQL"),
    ],
)
def test_a_users_server_that_cannot_be_used_is_a_usage_error(
    url: str, message: str, children: Children
) -> None:
    with pytest.raises(TargetUsageError, match=message) as refused:
        RunDatabases(children, [0], url)
    assert refused.value.exit_code == ExitCode.USAGE
    assert "secret" not in str(refused.value)


def test_the_seeded_state_is_restored(database_url: str, sessions: Sessions) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE orders (id int)")
        connection.execute("INSERT INTO orders VALUES (1)")
        sessions.reset(database_url, "TRUNCATE orders")
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (0,)
    with pytest.raises(DatabaseError, match='relation "absent" does not exist'):
        sessions.reset(database_url, "TRUNCATE absent")


def test_activity_counts_sessions_by_what_they_wait_for(
    database_url: str, sessions: Sessions
) -> None:
    assert sessions.activity(database_url).as_dict() == {"active": 0, "waiting": 0, "waits": {}}
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT 1")
        seen = sessions.activity(database_url)
        assert (seen.active, seen.waiting) == (0, 0)
        assert seen.waits == {"idle in transaction": 1}


def test_a_server_that_is_gone_is_reported(sessions: Sessions) -> None:
    with pytest.raises(DatabaseError, match="connection"):
        sessions.version("postgresql://me@127.0.0.1:1/x")


def test_a_label_becomes_a_database_name(postgres: str) -> None:
    databases = Databases(postgres, prefix="test_label")
    try:
        assert databases.create("more-pricing").split("?")[0].endswith("/test_label_more_pricing")
        with pytest.raises(DatabaseError, match="cannot create database test_label_more_pricing"):
            databases.create("more-pricing")
    finally:
        databases.close(drop=True)
