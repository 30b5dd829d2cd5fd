"""The wheel holds the lab alone, and is enough for a project elsewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.runs import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, since a build leaves files behind."""
    pytest.importorskip("pip")
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("lab", "service"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "."]
    done = subprocess.run(
        [*command, "--wheel-dir", str(folder)],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    [built] = folder.glob("*.whl")
    return built


def test_it_holds_every_file_of_the_lab_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    there = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "lab").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == there


def test_it_needs_what_the_lab_imports_and_not_the_sample_service(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        [metadata] = [name for name in archive.namelist() if name.endswith("METADATA")]
        text = archive.read(metadata).decode()
    needed = {
        re.split(r"[\[<>=; ]", line, maxsplit=1)[0]
        for line in re.findall(r"^Requires-Dist: (.+)$", text, re.M)
        if "extra ==" not in line
    }
    assert {"locust", "pytest-benchmark", "typer"} <= needed
    assert not needed & {"fastapi", "sqlalchemy", "uvicorn", "asyncpg", "pydantic"}


def test_a_project_elsewhere_needs_nothing_but_the_wheel(wheel: Path, tmp_path: Path) -> None:
    site, project = tmp_path / "site", tmp_path / "project"
    project.mkdir()
    (project / "app.py").write_text("from flask import Flask\napp = Flask(__name__)\n")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)

    def typed(*words: str, cwd: Path = project) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "lab", *words],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "guessed from Flask in app.py" in typed("init")
    below = project / "scenarios"
    [name] = [file.stem for file in (project / "hypotheses").glob("*.md")]
    assert f"{name}: ok" in typed("check", cwd=below)  # from any folder below
