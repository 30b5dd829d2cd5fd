"""The digests of hypotheses stay as they were recorded, byte for byte."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lab.hypothesis import loads
from tests.lab.hypothesis.examples import edited

PROJECT = Path(__file__).parents[3]
CONSTRUCTED = Path(__file__).parent / "sealed"
RECORDED: dict[str, list[str]] = json.loads(
    (Path(__file__).parent / "digests.json").read_text(encoding="utf-8")
)
_PLACE = re.compile(r"\b(PREDICTED|SCENARIO|LOAD|VALUE)\b")
"""What a template has in place of a value."""
FILES = sorted(
    path.relative_to(PROJECT).as_posix()
    for folder in (PROJECT / "hypotheses", PROJECT / "tests" / "planted", CONSTRUCTED)
    for path in folder.rglob("*.md")
    if path.name != "README.md" and not _PLACE.search(path.read_text(encoding="utf-8"))
)
SCENARIO = "# a scenario\n"


@pytest.fixture(scope="module")
def sealed_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
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
def test_digests_stay_as_recorded(sealed_project: Path, file: str) -> None:
    """A file that was edited on purpose gets its new digests in `digests.json`."""
    path = PROJECT / file
    is_sealed = path.parent == CONSTRUCTED  # read as the copies in runs are
    found = loads(path.read_text(encoding="utf-8"), path, sealed_project, sealed=is_sealed)
    assert [found.digest, found.claim_digest] == RECORDED[file]


def test_an_edit_of_the_wording_leaves_the_claim_digest(project: Path) -> None:
    before = edited(project, "## Mechanism", "## Mechanism")
    for old, new in (
        ("## Mechanism", "## The mechanism"),
        ("budget: 5m", "budget: 6m"),
        ("idles?", "idles today?"),
        ("says: four times", "says: 4 times"),
        ("at_least: 2.5", "at_least: 2.50"),
        ("users: 50", "users: 50, workers: 1"),
    ):
        after = edited(project, old, new)
        assert after.digest != before.digest
        assert after.claim_digest == before.claim_digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("at_least: 1.2", "at_least: 1.3"),
        ("at_least: 0.7", "at_most: 0.7"),
        ("users: 50", "users: 51"),
        ("users: 50", "users: 50, slices: 500ms"),
        ("users: 50", "users: 50, slices: off"),
        ("users: 50", "users: 50, workers: 2"),
        ("window: 4s", "window: 5s"),
        ("DB_POOL_SIZE: 20", "DB_POOL_SIZE: 21"),
        ("control: narrow", "control: wide"),
        ("error_rate: 0.0", "error_rate: 0.1"),
        ("db_pool_wait_seconds_sum", "db_pool_wait_seconds_total"),
        ("budget: 5m", "limits: {target_cpu: 0.9}\nbudget: 5m"),
    ],
)
def test_an_edit_of_what_decides_changes_both_digests(project: Path, old: str, new: str) -> None:
    before = edited(project, "## Mechanism", "## Mechanism")
    after = edited(project, old, new)
    assert after.digest != before.digest
    assert after.claim_digest != before.claim_digest


def test_the_one_value_of_a_parameter_is_part_of_the_claim(project: Path) -> None:
    text = (CONSTRUCTED / "benchmark-one.md").read_text(encoding="utf-8")
    digests = {
        loads(text.replace("statistic:", f"{params}statistic:"), Path("a.md"), project).claim_digest
        for params in ("", "params: {how: sorted}\n", "params: {how: reversed}\n")
    }
    assert len(digests) == 3
