"""A benchmark of a revision imports the revision, and is refused if it imports the working tree."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.cli import preflight
from lab.instruments.benchmark_file import BenchmarkFile, Code
from lab.instruments.benchmark_selection import BenchmarkFileError, Wanted
from lab.machine.cpu_pinning import Cores
from lab.processes.child_processes import Children
from lab.targets.command_environment import import_path

FILE = "scenarios/bench_price.py"
BENCHMARK = """\
from shop import price


def test_price(benchmark):
    assert price() == "{}"
    benchmark(price)
"""
STARTS = """\
import subprocess

said = subprocess.run(["price"], capture_output=True, text=True, check=True).stdout
assert said == "{}\\n", said


def test_price(benchmark):
    benchmark(len, said)
"""


def code(folder: Path, packages: str, answer: str) -> Path:
    """A folder with a package below `packages`, and with the benchmark."""
    package = folder / packages / "shop"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f'def price():\n    return "{answer}"\n')
    (folder / "scenarios").mkdir()
    (folder / FILE).write_text(BENCHMARK.format(answer))
    return folder


def collected(project: Path, revision: Path, import_path: str) -> str:
    with Children() as children:
        codes = {"after": Code(revision, import_path, revision=(revision, project))}
        file = BenchmarkFile(children, project, Cores((), ()), FILE, codes=codes)
        return file.select(Wanted(FILE), {}, "after").name


@pytest.mark.parametrize("packages", ["", "src"])
def test_the_package_of_the_revision_comes_first(tmp_path: Path, packages: str) -> None:
    project = code(tmp_path, packages, "old")
    revision = code(tmp_path / ".lab" / "revisions" / "1234", packages, "new")
    path = f"{import_path(revision)}:{project / packages}"
    assert collected(project, revision, path) == "test_price"


def test_a_package_that_only_the_working_tree_has_installed_is_found_out(tmp_path: Path) -> None:
    project = code(tmp_path, "backend", "old")
    revision = code(tmp_path / ".lab" / "revisions" / "1234", "backend", "new")
    path = f"{import_path(revision)}:{project / 'backend'}"  # as after `pip install -e backend`
    with pytest.raises(BenchmarkFileError) as refused:
        collected(project, revision, path)
    assert "shop is imported from" in str(refused.value)
    assert "Install the project in the `commands` of [build]" in str(refused.value)
    path = f"{import_path(revision)}:{revision / 'backend'}"
    assert collected(project, revision, path) == "test_price"


def test_a_program_that_it_starts_is_that_of_the_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    revisions = {arm: tmp_path / ".lab" / "revisions" / arm for arm in ("before", "after")}
    for answer, folder in {**revisions, "working tree": tmp_path}.items():
        for path, text, mode in (
            (FILE, STARTS.format(answer), 0o644),
            (".venv/bin/price", f"#!/bin/sh\necho {answer}\n", 0o755),
        ):
            (folder / path).parent.mkdir(parents=True)
            (folder / path).write_text(text)
            (folder / path).chmod(mode)
    monkeypatch.setenv("PATH", f"{tmp_path}/.venv/bin:{os.environ['PATH']}")
    parts: Any = SimpleNamespace(revisions=revisions, project=SimpleNamespace(root=tmp_path))
    with Children() as children:
        file = BenchmarkFile(children, tmp_path, Cores((), ()), FILE, codes=preflight._codes(parts))
        for arm in revisions:
            assert file.select(Wanted(FILE), {}, arm).name == "test_price"
