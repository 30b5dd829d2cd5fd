"""Fixtures that manage lifetimes: one PostgreSQL per session, one database per test."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from lab.processes import Children
from lab.targets.postgres import Databases, EmbeddedPostgres

_numbers = itertools.count()

# whoever runs the tests in the background has these ignored, and every process begun here too
for _signal in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
    if signal.getsignal(_signal) is signal.SIG_IGN:
        signal.signal(_signal, signal.SIG_DFL)

# an example may take as long as a busy machine makes it
settings.register_profile("lab", deadline=None)
settings.load_profile("lab")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A real PostgreSQL 18 for the session, or the one of TEST_DATABASE_URL; yields its URL."""
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
