"""Fixtures of the tests that run benchmark files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.processes.child_processes import Children
from tests.lab.instruments.benchmark_files import BenchmarkFiles


@pytest.fixture
def files(tmp_path: Path) -> Iterator[BenchmarkFiles]:
    with Children() as children:
        yield BenchmarkFiles(tmp_path, children)
