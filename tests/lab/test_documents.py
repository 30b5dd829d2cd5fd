"""What the documents tell a newcomer to type exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.runs import ROOT, lab

DOCUMENTS = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CHANGELOG.md")]


def test_every_make_target_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for path in DOCUMENTS:
        named = set(re.findall(r"(?:^|`)make ([a-z-]+)", path.read_text(), re.M))
        assert named <= targets, f"{path.name}: {named - targets}"


def test_every_verb_named_exists() -> None:
    shown = lab("--help").stdout
    for path in DOCUMENTS:
        for verb in set(re.findall(r"`lab ([a-z]+)", path.read_text())):
            assert verb in shown, f"{path.name}: lab {verb}"


def test_every_option_named_exists() -> None:
    shown = lab("run", "--help").stdout
    for option in set(re.findall(r"`(--[a-z-]+)", (ROOT / "README.md").read_text())):
        assert option in shown, option


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        assert (path.parent / link).exists(), link


def test_every_room_named_in_the_architecture_exists() -> None:
    rooms = re.findall(
        r"^\| ((?:`[a-z_./]+`,? ?)+) \|", (ROOT / "ARCHITECTURE.md").read_text(), re.M
    )
    assert len(rooms) > 15
    named = set(re.findall(r"`([a-z_]+(?:\.py|/))`", " ".join(rooms)))
    there = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in (ROOT / "lab").iterdir()
        if not path.name.startswith("__")
    }
    assert named == there
