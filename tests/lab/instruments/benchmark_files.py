"""A project with one benchmark file, and what the lab does with it."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from lab.hypothesis import Step
from lab.instruments.benchmark_file import BenchmarkFile
from lab.instruments.benchmark_group import expected_s
from lab.instruments.benchmark_process import BenchmarkError, Measured, stop_together
from lab.instruments.benchmark_selection import BenchmarkFileError, BenchmarkFunction, Wanted
from lab.machine.cpu_pinning import Cores
from lab.processes.child_processes import Children

FILE = "scenarios/bench_a.py"
SLICES, SLICE_S = 5, 0.01
ANY = Step("any")


def measure_alone(
    file: BenchmarkFile, node: str, env: Mapping[str, str], pause_s: float = 0.0
) -> Measured:
    """Run one process and let it measure a few slices, with pauses between them."""
    process = file.start(node, ANY, env)
    try:
        process.wait_until_held()
        loop_s = process.calibrate(SLICE_S)
        for position in range(1, SLICES + 1):
            time.sleep(pause_s)
            process.measure(SLICE_S, position, expected_s(loop_s, SLICE_S))
        process.finish()
        return process.measured("median")
    finally:
        stop_together(file.children, [process])


class BenchmarkFiles:
    """A project with one benchmark file, and what the lab does with it."""

    def __init__(self, folder: Path, children: Children) -> None:
        self.folder = folder
        (folder / "scenarios").mkdir()
        self.notices: list[str] = []
        self.file = BenchmarkFile(children, folder, Cores((), ()), FILE, self.notices.append)

    def write(self, code: str, name: str = "bench_a.py") -> None:
        (self.folder / "scenarios" / name).write_text(textwrap.dedent(code))

    def select(self, wanted: Wanted | None = None, **env: str) -> BenchmarkFunction:
        return self.file.select(wanted or Wanted(FILE), env)

    def measure(self, function: str = "test_a", **env: str) -> Measured:
        return measure_alone(self.file, f"{FILE}::{function}", env)

    def measure_with_pauses(self) -> Measured:
        return measure_alone(self.file, f"{FILE}::test_a", {}, pause_s=0.1)

    def profile(self, function: str = "test_a") -> str:
        return self.file.profile(f"{FILE}::{function}", ANY, {})

    def failure(self, function: str = "test_a") -> str:
        with pytest.raises(BenchmarkError) as caught:
            self.measure(function)
        return str(caught.value)

    def refusal(self, **env: str) -> str:
        with pytest.raises(BenchmarkFileError) as caught:
            self.select(None, **env)
        return str(caught.value)
