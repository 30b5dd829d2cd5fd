from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab.cli import cores_of_run as module
from lab.cli.cores_of_run import VARIABLE, cores_line, cores_of_run
from lab.errors import UsageError
from lab.hypothesis import load
from lab.machine.core_choice import CoreChoice
from lab.machine.cpu_pinning import Cores
from lab.runs.run_folder import RunFolder
from lab.trials.plan import draw
from tests.lab.builders import PROJECT, SHIPPED

CHOICE = CoreChoice(Cores((5,), (2, 4, 7)), "the quietest 4 of 8, seen for 1 s", {2: 0.01, 5: 0.2})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many cores were asked for, each time, on a machine with eight."""
    found: list[int] = []

    def choose(for_target: int, *, for_driver: int) -> CoreChoice:
        found.append(for_target)
        return CHOICE

    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    monkeypatch.setattr(module, "choose_cores", choose)
    monkeypatch.delenv(VARIABLE, raising=False)
    return found


@pytest.mark.parametrize(
    ("name", "count"),
    [("pool-exhaustion", 3), ("fingerprint", 1), ("pagination", 2), ("memory-leak", 8)],
)
def test_a_kind_needs_what_works_at_once(name: str, count: int, asked: list[int]) -> None:
    hypothesis = load(PROJECT / "hypotheses" / f"{name}.md", PROJECT)
    assert cores_of_run(hypothesis, None) == CHOICE
    assert asked == [count]


def test_a_service_with_more_processes_can_have_more(
    asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "6")
    cores_of_run(SHIPPED, None)
    assert asked == [6]


def test_it_is_said_that_a_service_does_not_get_all_cores(
    asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = draw(SHIPPED, 0, "local")
    line = cores_line(SHIPPED, plan)
    assert line is not None and line.startswith("cores: the service gets 3 of 8; set LAB_T")
    assert cores_line(SHIPPED, draw(SHIPPED, 0, "url")) is None
    soak = load(PROJECT / "hypotheses" / "memory-leak.md", PROJECT)
    assert cores_line(soak, draw(soak, 0, "local")) is None
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(4)))
    assert cores_line(SHIPPED, plan) is None
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    monkeypatch.setenv(VARIABLE, "2")
    assert cores_line(SHIPPED, plan) is None


@pytest.mark.parametrize("given", ["0", "9", "all", "-1"])
def test_what_is_no_number_of_cores_is_refused(
    given: str, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, given)
    with pytest.raises(UsageError, match="write a number of cores, 1 to 8"):
        cores_of_run(SHIPPED, None)
    assert asked == []


def test_a_resumed_run_has_the_cores_of_its_first_session(tmp_path: Path, asked: list[int]) -> None:
    run_folder = RunFolder.create(tmp_path, "x")
    run_folder.write_json("conditions.json", {"pinning": CHOICE.as_dict()})
    assert cores_of_run(SHIPPED, run_folder) == CHOICE
    assert asked == []
    run_folder.write_json("conditions.json", {"processor": "of an older run"})
    assert cores_of_run(SHIPPED, run_folder).why == "as in the first session"
    assert asked == []
