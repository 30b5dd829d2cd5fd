"""The folders below those of an area hold inputs: no tests, and conftest.py files of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cases.arm import Arm, serving
from tests.lab.cli.conftest import own_lock, signal_handlers

__all__ = ["own_lock", "signal_handlers"]

collect_ignore_glob = ["*/*"]


@pytest.fixture(scope="module")
def arm() -> Iterator[Arm]:
    """For scenarios."""
    with serving() as made:
        yield made
