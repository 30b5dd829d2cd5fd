"""Projects for hypothesis files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.hypothesis.examples import GOOD, make_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with scenarios, one of them a link to elsewhere, and the good hypothesis."""
    folder = make_project(tmp_path / "project")
    (tmp_path / "elsewhere.py").touch()
    (folder / "scenarios" / "link.py").symlink_to(tmp_path / "elsewhere.py")
    (folder / "hypotheses").mkdir()
    (folder / "hypotheses" / "pool-exhaustion.md").write_text(GOOD)
    return folder


@pytest.fixture(scope="module")
def shared_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that no test changes, so that many examples may share it."""
    return make_project(tmp_path_factory.mktemp("project"))
