"""The risk map is what `make risks` plants, and each of its defects still applies."""

from __future__ import annotations

import ast
import re

import pytest

from tests.risks.catalogue import RISKS, Risk, table
from tests.runs import ROOT


def test_the_map_in_the_document_is_the_catalogue() -> None:
    assert table() in (ROOT / "tests" / "RISKS.md").read_text()
    assert len(RISKS) >= 24
    assert len({risk.name for risk in RISKS}) == len(RISKS)


@pytest.mark.parametrize("risk", RISKS, ids=lambda risk: risk.name)
def test_the_defect_applies_and_the_test_exists(risk: Risk) -> None:
    sound = (ROOT / risk.file).read_text()
    planted = risk.planted(sound)
    assert planted != sound
    if risk.file.endswith(".py"):
        ast.parse(planted)  # a file that cannot be read would turn everything red
    file, _, name = risk.test.partition("::")
    tests = (ROOT / risk.folder / file).read_text()
    assert not name or re.search(rf"\b{name.rpartition('::')[2].partition('[')[0]}\b", tests)
