"""Drivers of scenarios that a test writes, and an arm for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.processes.child_processes import Children
from tests.cases.arm import Arm, serving
from tests.lab.driver.scenarios import Drivers


@pytest.fixture
def arm() -> Iterator[Arm]:
    with serving() as started:
        yield started


@pytest.fixture
def children() -> Iterator[Children]:
    with Children() as started:
        yield started


@pytest.fixture
def drivers(children: Children, tmp_path: Path) -> Drivers:
    return Drivers(children, tmp_path)
