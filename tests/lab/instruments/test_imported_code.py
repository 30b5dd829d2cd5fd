"""A revision that imports code of the working tree is found out."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from lab.instruments.imported_code import foreign_import


def module(name: str, file: Path | None) -> ModuleType:
    made = ModuleType(name)
    if file is not None:
        made.__file__ = str(file)
    return made


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return tmp_path / "shop"


@pytest.fixture
def code(project: Path) -> Path:
    return project / ".lab" / "revisions" / "0123"


def found(project: Path, code: Path, file: Path | None) -> str | None:
    problem = foreign_import(project, code, {"shop.prices": module("shop.prices", file)})
    return None if problem is None else str(problem)


@pytest.mark.parametrize("path", ["shop/prices.py", "src/a/prices.py", ".lab/revisions/4567/a"])
def test_a_module_of_another_folder_of_the_project(project: Path, code: Path, path: str) -> None:
    message = found(project, code, project / path)
    assert message is not None
    assert message.startswith(f"shop.prices is imported from {project / path}, which is not")
    assert "Install the project in the `commands` of [build] in lab.toml" in message


def test_modules_of_the_revision_and_of_packages(project: Path, code: Path) -> None:
    for file in (
        code / "shop" / "prices.py",
        project / ".venv" / "lib" / "python3" / "site-packages" / "prices.py",
        project.with_name("shop-2") / "prices.py",
        None,
    ):
        assert found(project, code, file) is None


def test_what_this_process_has_imported_is_not_of_a_project_elsewhere(
    project: Path, code: Path
) -> None:
    odd = {"odd": object(), "none": None}
    assert foreign_import(project, code, {**sys.modules, **odd}) is None
