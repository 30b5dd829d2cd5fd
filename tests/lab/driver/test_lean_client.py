"""The lean client: its checks run in a process of their own, of which each is a test here."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runs import ROOT

FOLDER = Path(__file__).parent / "lean_client"
CHECKS = [
    node.name
    for file in sorted(FOLDER.glob("check_*.py"))
    for node in ast.parse(file.read_text()).body
    if isinstance(node, ast.FunctionDef) and node.name.startswith("check_")
]


@pytest.fixture(scope="module")
def outcomes() -> dict[str, str]:
    """The error of each check; empty for none."""
    package = "tests.lab.driver.lean_client"
    done = subprocess.run(
        [sys.executable, "-m", package], cwd=ROOT, capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_every_check_has_a_name_of_its_own(outcomes: dict[str, str]) -> None:
    assert sorted(CHECKS) == sorted(set(CHECKS)) == sorted(outcomes)


@pytest.mark.parametrize("check", CHECKS)
def test_lean_client(check: str, outcomes: dict[str, str]) -> None:
    assert outcomes[check] == "", outcomes[check]
