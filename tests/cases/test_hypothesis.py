"""Hypothesis files as somebody else would write them, each with its right outcome."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lab.hypothesis import HypothesisError, load, loads
from tests.lab.hypothesis.examples import GOOD, make_project

CASES = Path(__file__).parent / "hypothesis"
REFUSED = {  # file -> line, part of the problem, part of the remedy
    "H1-milliseconds/k6-threshold.md": (
        17,
        "`at_most` is 500 without a unit, which would be 500 s",
        "Write 500ms if milliseconds are meant",
    ),
    "H1-milliseconds/with-unit.md": (19, "`at_most` is 500 without a unit", "Write 500ms"),
    "H1-milliseconds/percent.md": (
        17,
        "no error_rate of wide can be at least 80",
        "Write it 80% or 0.8, if percent is meant",
    ),
    "H1-milliseconds/quantile.md": (
        15,
        "unknown measure `latency_p999`",
        "Did you mean `latency_p99.9`?",
    ),
}
USED = {  # folder, beside the scenario sibling.py -> what it uses
    "L15-sibling-module": ["hunt_common.py"],
    "L15-package": ["shop/__init__.py", "shop/visits.py", "shop/data/paths.csv"],
}
READ = {"H1-milliseconds/every-unit.md": [0.5, 0.5, 0.8, 512e6]}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_cannot_mean_what_it_says_is_refused(tmp_path: Path, case: str) -> None:
    line, problem, remedy = REFUSED[case]
    with pytest.raises(HypothesisError) as caught:
        load(CASES / case, make_project(tmp_path))
    assert caught.value.line == line
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("case", READ)
def test_bounds_with_units_are_read(tmp_path: Path, case: str) -> None:
    found = load(CASES / case, make_project(tmp_path))
    assert [edge for each in found.predictions for edge in each.bound.edges] == READ[case]


@pytest.mark.parametrize("case", USED)
def test_the_seal_covers_what_the_scenario_uses(tmp_path: Path, case: str) -> None:
    shutil.copytree(CASES / case, tmp_path / "scenarios")
    text = GOOD.replace("checkout.py", "sibling.py")

    def sealed() -> str:
        return loads(text, Path("pool-exhaustion.md"), tmp_path).claim_digest

    digests = [sealed()]
    for name in USED[case]:
        with (tmp_path / "scenarios" / name).open("a", encoding="utf-8") as file:
            file.write("# edited\n")
        digests.append(sealed())
    (tmp_path / "scenarios" / "beside.py").write_text("# not used\n", encoding="utf-8")
    assert sealed() == digests[-1]
    assert len(set(digests)) == len(digests)
