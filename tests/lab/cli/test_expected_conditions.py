"""What is known of a run before it starts is what it will record."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from lab.cli.cores_of_run import VARIABLE
from lab.cli.expected_conditions import expected_conditions
from lab.hypothesis import Benchmark, Hypothesis
from lab.machine.conditions import TargetConditions, machine_name, target_conditions, this_machine
from lab.system import ComposeSpec, PostgresSpec, System, UrlSpec
from lab.targets.postgres_databases import whose_server
from tests.lab.builders import SHIPPED, plan

SERVER = "postgresql://me:secret@db:5432/shop"
SYSTEM = System(
    postgres=PostgresSpec(),
    compose=ComposeSpec("compose.yml", "web", 80, database="db"),
    url=UrlSpec("http://staging"),
)


@pytest.fixture(autouse=True)
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    for name in (VARIABLE, "LAB_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


def expected(
    target: str = "local", system: System = SYSTEM, hypothesis: Hypothesis = SHIPPED
) -> TargetConditions:
    planned = replace(plan(SHIPPED), target=target)
    found = expected_conditions(hypothesis, planned, system)
    assert machine_name(found) == machine_name(this_machine())
    return target_conditions(found)


def test_cores_are_those_that_the_target_would_get(monkeypatch: pytest.MonkeyPatch) -> None:
    assert expected().cores == 3
    monkeypatch.setenv(VARIABLE, "1")
    assert expected().cores == 1
    assert expected("url").cores is None, "it runs elsewhere"


def test_the_server_is_that_which_the_arms_would_get(monkeypatch: pytest.MonkeyPatch) -> None:
    without = Benchmark("median", 1.0, 60.0)
    benchmark, on_database = (
        replace(SHIPPED, kind=replace(without, database=has_one)) for has_one in (False, True)
    )
    assert expected().database == "embedded"
    assert expected(system=System()).database is None
    assert expected("url").database is None
    assert expected("compose").database == "a container of each arm's own"
    assert expected(hypothesis=benchmark).database is None
    assert expected(hypothesis=on_database).database == "embedded"
    monkeypatch.setenv("LAB_DATABASE_URL", SERVER)
    own = f"the user's server {whose_server(SERVER)['postgresql_server']}"
    assert expected().database == expected(hypothesis=on_database).database == own
    assert expected("compose").database == "a container of each arm's own"
