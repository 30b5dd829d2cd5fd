"""Scenarios with one fault each, some of those of `make proof PART=scenario-faults`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.processes.child_processes import Children
from tests.cases.arm import Arm, serving
from tests.mutated_scenarios import CLOSED, OPEN, TASK_SET, Mutant, clean, mutants
from tests.mutated_trials import MEASURED, REFUSED, VOID, outcome_of

pytestmark = pytest.mark.slow

LIMIT_FACTOR = 0.2  # of the time that a scenario may hang
REFUSALS = (
    "error without attributes, import, open",
    "StopTest, class body, task set",
    "busy loop, import, closed",
    "SIGKILL, class body, closed",
    "sys.exit(), import, open",
    "no Exception, init, closed",
    "error without text, init, closed",
    "GreenletExit, __init__, closed",
    "KeyboardInterrupt, __init__, open",
    "os._exit, __init__, closed",
    "native sleep, init, open",
)
VOIDS = (
    "error without attributes, on_start, open",
    "error without text, request, open",
    "no Exception, task, closed",
    "no Exception, quitting, open",
    "InterruptTaskSet, request, closed",
    "error, on_stop, task set",
    "sleep, on_start, closed",
    "lock taken twice, on_stop, open",
    "runner.quit(), task, open",
    "runner.stop(), request, open",
    "os._exit, task, task set",
    "SIGKILL, on_start, closed",
    "user.stop(), task, task set",
    "user ended, usage_monitor, open",
    "users ended, spawning_complete, closed",
    "own greenlet ended, request, closed",
    "whole URL, task, open",
    "host moved, test_start, open",
    "base_url of all moved, import, closed",
    "base_url moved, on_start, task set",
    "requests instead, on_start, closed",
    "second client, usage_monitor, closed",
    "greenlet that raises later, on_start, task set",
    "native thread that raises, task, closed",
    "greenlet that sends for ever, on_start, open",
    "greenlet that raises, class body, task set",
    "thread that raises, init, closed",
    "greenlet that outlives its task, task, open",
)
MUTANTS = {mutant.key: mutant for mutant in mutants()}


@pytest.fixture(scope="module")
def arm() -> Iterator[Arm]:
    with serving() as started:
        yield started


@pytest.fixture(scope="module")
def other() -> Iterator[Arm]:
    with serving() as started:
        yield started


@pytest.fixture(scope="module")
def children() -> Iterator[Children]:
    with Children() as started:
        yield started


@pytest.mark.parametrize("key", [*REFUSALS, *VOIDS])
def test_no_fault_is_measured_in_silence(
    key: str, arm: Arm, other: Arm, children: Children, tmp_path: Path
) -> None:
    mutant: Mutant = MUTANTS[key]
    text = mutant.text.replace("{other}", other.url)
    file = tmp_path / "shop.py"
    seen = outcome_of(text, mutant.load, arm.url, file, children, LIMIT_FACTOR)
    assert seen.outcome == (REFUSED if key in REFUSALS else VOID), seen.message
    assert seen.names(mutant.lines), seen.message
    assert seen.seconds < 30


def test_a_user_that_never_yields_as_it_ends_is_noticed_soon(
    arm: Arm, children: Children, tmp_path: Path
) -> None:
    mutant = MUTANTS["busy loop, on_stop, closed"]
    seen = outcome_of(mutant.text, CLOSED, arm.url, tmp_path / "shop.py", children, LIMIT_FACTOR)
    assert "a greenlet that never yields took more than 2 s" in seen.message
    assert seen.names(mutant.lines)


@pytest.mark.parametrize("load", [CLOSED, OPEN, TASK_SET])
def test_the_scenario_without_a_fault_is_measured(
    load: str, arm: Arm, children: Children, tmp_path: Path
) -> None:
    seen = outcome_of(clean(load), load, arm.url, tmp_path / "shop.py", children)
    assert seen.outcome == MEASURED, seen.message


def test_the_table_has_each_fault_at_each_place_once() -> None:
    assert len(MUTANTS) == len(mutants()) > 800
