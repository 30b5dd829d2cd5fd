"""A benchmark of a revision imports the revision, and is refused if it imports the working tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.child_processes import Children
from lab.cpu_pinning import Cores
from lab.instruments.benchmark_file import BenchmarkFile, Code
from lab.instruments.benchmark_selection import BenchmarkFileError, Wanted
from lab.targets.command_environment import import_path

FILE = "scenarios/bench_price.py"
BENCHMARK = """\
from shop import price


def test_price(benchmark):
    assert price() == "{}"
    benchmark(price)
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
        codes = {"after": Code(revision, import_path, (revision, project))}
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
