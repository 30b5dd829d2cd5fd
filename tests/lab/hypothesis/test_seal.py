"""The digests of hypotheses stay as they were recorded, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.hypothesis import loads

PROJECT = Path(__file__).parents[3]
CONSTRUCTED = Path(__file__).parent / "sealed"
RECORDED: dict[str, list[str]] = json.loads(
    (Path(__file__).parent / "digests.json").read_text(encoding="utf-8")
)
FILES = sorted(
    path.relative_to(PROJECT).as_posix()
    for folder in (PROJECT / "hypotheses", PROJECT / "tests" / "planted", CONSTRUCTED)
    for path in folder.rglob("*.md")
    if path.name not in ("README.md", "growth.md")  # the latter is a template
)
SCENARIO = "# a scenario\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose every scenario has the same text, so that only the files decide."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "scenarios").mkdir()
    for file in FILES:
        path = _scenario(file)
        (folder / path).write_text(SCENARIO, encoding="utf-8")
    return folder


def _scenario(file: str) -> str:
    lines = (PROJECT / file).read_text(encoding="utf-8").splitlines()
    written = next(line for line in lines if line.startswith("scenario: "))
    return written.removeprefix("scenario: ").partition("::")[0]


def test_every_hypothesis_has_recorded_digests() -> None:
    assert set(FILES) == set(RECORDED)


@pytest.mark.parametrize("file", FILES)
def test_digests_stay_as_recorded(project: Path, file: str) -> None:
    """A file that was edited on purpose gets its new digests in `digests.json`."""
    path = PROJECT / file
    found = loads(path.read_text(encoding="utf-8"), path, project)
    assert [found.digest, found.claim_digest] == RECORDED[file]
