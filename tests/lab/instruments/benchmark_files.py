"""A project with one benchmark file, and what the lab does with it."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from lab.child_processes import Children
from lab.instruments.benchmark_process import BenchmarkError, BenchmarkFile, Measured
from lab.instruments.benchmark_selection import BenchmarkFileError, BenchmarkFunction, Wanted

FILE = "scenarios/bench_a.py"
WINDOW_S = 0.05


class BenchmarkFiles:
    """A project with one benchmark file, and what the lab does with it."""

    def __init__(self, folder: Path, children: Children) -> None:
        self.folder = folder
        (folder / "scenarios").mkdir()
        self.notices: list[str] = []
        self._file = BenchmarkFile(children, folder, (), FILE, self.notices.append)

    def write(self, code: str, name: str = "bench_a.py") -> None:
        (self.folder / "scenarios" / name).write_text(textwrap.dedent(code))

    def select(self, wanted: Wanted | None = None, **env: str) -> BenchmarkFunction:
        return self._file.select(wanted or Wanted(FILE), env)

    def measure(self, function: str = "test_a", **env: str) -> Measured:
        return self._file.measure(f"{FILE}::{function}", "any", env, WINDOW_S, "median")

    def profile(self, function: str = "test_a") -> str:
        return self._file.profile(f"{FILE}::{function}", "any", {}, WINDOW_S)

    def failure(self, function: str = "test_a") -> str:
        with pytest.raises(BenchmarkError) as caught:
            self.measure(function)
        return str(caught.value)

    def refusal(self, **env: str) -> str:
        with pytest.raises(BenchmarkFileError) as caught:
            self.select(None, **env)
        return str(caught.value)
