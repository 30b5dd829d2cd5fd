"""Drivers of scenarios that a test writes, and an arm for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.child_processes import Children
from tests.cases.arm import Arm, serving
from tests.lab.driver.scenarios import Drivers


@pytest.fixture
def arm() -> Iterator[Arm]:
    with serving() as started:
        yield started


@pytest.fixture
def drivers(tmp_path: Path) -> Iterator[Drivers]:
    with Children() as children:
        yield Drivers(children, tmp_path)
