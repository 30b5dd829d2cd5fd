"""A revision that imports code of the working tree is found out."""

from __future__ import annotations

import json
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


def installed(packages: Path, origin: Path, **kind: bool) -> Path:
    """A file of a package that pip has installed from a folder."""
    info = packages / "shop_copy-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shop-copy\nVersion: 1.0\n")
    (info / "RECORD").write_text("shop_copy/__init__.py,,\n")
    url = {"url": origin.as_uri(), "dir_info": kind}
    (info / "direct_url.json").write_text(json.dumps(url))
    return packages / "shop_copy" / "__init__.py"


def test_a_copy_of_the_working_tree_that_was_installed(
    project: Path, code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "environment" / "site-packages"
    file = installed(packages, project / "my shop")
    assert found(project, code, file) is None, "of another environment than this"
    monkeypatch.syspath_prepend(str(packages))
    assert f"shop.prices is imported from {file}" in (found(project, code, file) or "")
    assert found(project, code, packages / "other.py") is None


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        (".lab/revisions/0123", {}),  # the revision itself
        ("../elsewhere", {}),
        (".", {"editable": True}),  # its finder; what that finds is of the working tree
    ],
)
def test_a_package_that_is_no_copy_of_the_working_tree(
    project: Path,
    code: Path,
    tmp_path: Path,
    place: str,
    kind: dict[str, bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    packages = tmp_path / "environment" / "site-packages"
    file = installed(packages, project / place, **kind)
    monkeypatch.syspath_prepend(str(packages))
    assert found(project, code, file) is None


def test_what_this_process_has_imported_is_not_of_a_project_elsewhere(
    project: Path, code: Path
) -> None:
    odd = {"odd": object(), "none": None}
    assert foreign_import(project, code, {**sys.modules, **odd}) is None
