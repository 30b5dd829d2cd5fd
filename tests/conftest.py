"""Fixtures: one PostgreSQL per session, one database per test."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from lab.processes.child_processes import Children
from lab.targets.embedded_postgres import EmbeddedPostgres
from lab.targets.postgres_databases import Databases

_numbers = itertools.count()

# A shell ignores these for a command in the background, and so does every process that it starts.
for _signal in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
    if signal.getsignal(_signal) is signal.SIG_IGN:
        signal.signal(_signal, signal.SIG_DFL)

# On a busy machine an example may take any time.
settings.register_profile("lab", deadline=None)
settings.load_profile("lab")

_SLOW_LAYERS = ("perf_smoke", "resilience")  # folders whose tests measure or start processes


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what needs PostgreSQL, and the layers that take long as a whole."""
    for item in items:
        needs_postgres = "postgres" in getattr(item, "fixturenames", ())
        if needs_postgres or item.path.parent.name in _SLOW_LAYERS:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL 18 for the session, or of the server of TEST_DATABASE_URL."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    with Children() as children:
        server = EmbeddedPostgres(children)
        server.start()
        yield server.url


@pytest.fixture
def database_url(postgres: str) -> Iterator[str]:
    """A fresh, empty database."""
    databases = Databases(postgres, prefix=f"test{next(_numbers)}")
    yield databases.create("db")
    databases.close(drop=True)


@pytest.fixture
def project() -> Path:
    """The folder of this project."""
    return Path(__file__).parent.parent
