"""The database of a benchmark."""

from __future__ import annotations

import os
from collections.abc import Iterable

import psutil
import psycopg
import pytest

from lab.hypothesis import Step
from lab.machine.cpu_pinning import divide_cores
from lab.processes.child_processes import Children
from lab.targets.benchmark_target import BenchmarkTarget

A, B = Step("a"), Step("b")


def cores_of(pid: int) -> Iterable[set[int]]:
    """Those of a process and of all its children."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return [os.sched_getaffinity(each.pid) for each in family]


@pytest.mark.slow
def test_the_server_and_its_sessions_are_kept_on_the_cores_that_are_named() -> None:
    cores = divide_cores()
    with Children() as children:
        target = BenchmarkTarget(children, cores, None, database=True)
        target.start([A])
        (server,) = target.roles()["database"]
        with psycopg.connect(target.environment(A)["DATABASE_URL"]):
            for wanted in (cores.all, cores.target):
                target.pin(wanted)
                found = list(cores_of(server))
                assert len(found) > 2
                assert all(each == set(wanted) for each in found)
        target.stop()


def test_databases_are_replaced_by_empty_ones(postgres: str) -> None:
    with Children() as children:
        target = BenchmarkTarget(children, divide_cores(), postgres, database=True)
        target.start([A, B])
        urls = [target.environment(step)["DATABASE_URL"] for step in (A, B)]
        for url in urls:
            with psycopg.connect(url, autocommit=True) as session:
                session.execute("CREATE TABLE filled (n int)")
        left_open = psycopg.connect(urls[0])
        target.renew()
        for step in (A, B):
            with psycopg.connect(target.environment(step)["DATABASE_URL"]) as session:
                found = session.execute("SELECT to_regclass('filled')").fetchone()
            assert found == (None,)
        left_open.close()
        target.stop()


def test_without_databases_there_are_none_to_replace() -> None:
    with Children() as children:
        target = BenchmarkTarget(children, divide_cores(), None, database=False)
        target.start([A])
        target.renew()
        assert target.environment(A) == {}


def test_a_server_of_the_users_own_stays_where_it_is(postgres: str) -> None:
    with Children() as children:
        target = BenchmarkTarget(children, divide_cores(), postgres, database=True)
        target.start([A])
        (server,) = target.roles()["database"]
        before = list(cores_of(server))
        target.pin(divide_cores().target[:1])
        assert list(cores_of(server)) == before
        target.stop()
