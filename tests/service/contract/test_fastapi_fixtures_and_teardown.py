"""Teardown runs, in order, even after a failure: of dependencies, the lifespan and fixtures."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from fastapi import Depends, FastAPI

from service.app import create_app
from service.database import Database
from service.jobs.queue import JobQueue
from service.pricing.client import AwaitedPricing
from service.settings import ServiceSettings
from tests.runs import ROOT
from tests.service.conftest import few_rows

FAILING = """
import itertools, os

import pytest

import tests.conftest
from tests.conftest import database_url
from tests.service.conftest import pricing_url, start

tests.conftest._numbers = itertools.count(1_000_000)  # databases of another name than ours


@pytest.fixture(scope="session")
def postgres():
    yield os.environ["POSTGRES"]
    print("TORN postgres")


@pytest.fixture
def outer(database_url):
    yield database_url
    print("TORN outer, with its database")


@pytest.fixture
async def inner(outer, start):
    yield await start()
    print("TORN inner")


async def test_that_fails(inner, outer):
    assert (await inner.get("/orders")).status_code == 200
    print("DATABASE", outer.partition("?")[0].rpartition("/")[2])
    assert False, "on purpose"


async def test_that_passes(inner, outer):
    print("DATABASE", outer.partition("?")[0].rpartition("/")[2])
"""


@pytest.mark.parametrize("fails", [False, True])
async def test_dependencies_with_yield_end_in_reverse_and_before_the_lifespan(fails: bool) -> None:
    events: list[str] = []

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        events.append("lifespan begins")
        yield
        events.append("lifespan ends")

    def connection() -> Iterator[str]:
        events.append("connection begins")
        try:
            yield "connection"
        finally:
            events.append("connection ends")

    def transaction(on: str = Depends(connection)) -> Iterator[str]:
        events.append(f"transaction on {on} begins")
        try:
            yield "transaction"
        except RuntimeError:
            events.append("transaction is rolled back")
            raise
        finally:
            events.append("transaction ends")

    app = FastAPI(lifespan=lifespan)

    @app.get("/")
    def read(within: str = Depends(transaction)) -> None:
        if fails:
            raise RuntimeError("on purpose")
        events.append(f"read in {within}")

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service") as client,
    ):
        assert (await client.get("/")).status_code == (500 if fails else 200)

    assert events == [
        "lifespan begins",
        "connection begins",
        "transaction on connection begins",
        "transaction is rolled back" if fails else "read in transaction",
        "transaction ends",
        "connection ends",
        "lifespan ends",
    ]


@pytest.mark.parametrize("fails", [False, True])
async def test_the_service_closes_what_it_opened_the_database_last(
    database_url: str, pricing_url: str, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []
    for kind, method in ((JobQueue, "__aexit__"), (AwaitedPricing, "__aexit__")):
        _watch(monkeypatch, kind, method, kind.__name__, ended)
    _watch(monkeypatch, Database, "close", "Database", ended)
    settings = ServiceSettings.from_values(few_rows(database_url, pricing_url))
    app = create_app(settings)

    with contextlib.suppress(RuntimeError):
        async with app.router.lifespan_context(app):
            if fails:
                raise RuntimeError("on purpose")

    # The second database is the background work's own pool.
    assert ended == ["JobQueue", "AwaitedPricing", "Database", "Database"]
    connection = await asyncpg.connect(database_url)
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    try:
        assert await connection.fetchval(others) == 1
    finally:
        await connection.close()


async def test_fixtures_end_in_reverse_though_a_test_fails(postgres: str, tmp_path: Path) -> None:
    file = tmp_path / "test_nested.py"
    file.write_text(FAILING)
    command = [sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider"]
    configuration = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT)]

    ran = subprocess.run(
        [*command, *configuration, str(file)],
        cwd=ROOT,
        env={**os.environ, "POSTGRES": postgres},
        capture_output=True,
        text=True,
    )

    assert "1 failed, 1 passed" in ran.stdout, ran.stdout + ran.stderr
    told = [line.lstrip("F.") for line in ran.stdout.splitlines()]
    torn = [line for line in told if line.startswith("TORN")]
    assert torn == [*["TORN inner", "TORN outer, with its database"] * 2, "TORN postgres"]
    databases = [line.split()[1] for line in told if line.startswith("DATABASE")]
    assert len(set(databases)) == 2
    connection = await asyncpg.connect(postgres)
    try:
        left = await connection.fetch("SELECT datname FROM pg_database")
    finally:
        await connection.close()
    assert not set(databases) & {row["datname"] for row in left}


def _watch(
    monkeypatch: pytest.MonkeyPatch, kind: type, method: str, name: str, ended: list[str]
) -> None:
    close = getattr(kind, method)

    async def watched(self: object, *args: object) -> object:
        result = await close(self, *args)
        ended.append(name)
        return result

    monkeypatch.setattr(kind, method, watched)
