"""The key `pass`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lab.hypothesis import Hypothesis, HypothesisError, loads, why_not_passed
from tests.lab.hypothesis.examples import GOOD, make_project


def passing(tmp_path: Path, line: str, text: str = GOOD) -> Hypothesis:
    return loads(text.replace("arms:\n", f"{line}\narms:\n"), Path("shop.md"), tmp_path)


@pytest.fixture(autouse=True)
def scenario(tmp_path: Path) -> None:
    make_project(tmp_path)


def test_the_names_are_read(tmp_path: Path) -> None:
    assert passing(tmp_path, "pass: [API_TOKEN, shop_user]").passed == ("API_TOKEN", "shop_user")


def test_the_names_belong_to_the_claim_only_if_there_are_some(tmp_path: Path) -> None:
    without = passing(tmp_path, "").claim_digest
    assert without == loads(GOOD, Path("shop.md"), tmp_path).claim_digest
    one, other = (passing(tmp_path, f"pass: [{n}]").claim_digest for n in ("AA, BB", "BB, AA"))
    assert one == other != without
    assert passing(tmp_path, "pass: [AA]").claim_digest not in (one, without)


@pytest.mark.parametrize(
    ("line", "problem", "remedy"),
    [
        ("pass: []", "`pass` names no variable", "Remove it"),
        ("pass: API_TOKEN", "`pass` is `API_TOKEN`, not a list", "each item after a dash"),
        ("pass: [API_TOKEN=x]", "`API_TOKEN=x` is not the name of", "Write the name alone"),
        ("pass: [API-TOKEN]", "`API-TOKEN` is not the name of", "letters, digits and _"),
        ("pass: [1X]", "`1X` is not the name of", "letters, digits and _"),
        ("pass: [AA, BB, AA]", "`pass` names AA twice", "Keep one"),
        ("pass: [PATH]", "`pass` names PATH, which every process of the lab gets", "Remove it"),
        ("pass: [PYTHONPATH]", "changes how a process is loaded", "of another name"),
        ("pass: [PYTHONHASHSEED]", "changes how a process is loaded", "of another name"),
        ("pass: [GEVENT_LOOP]", "changes how a process is loaded", "of another name"),
        ("pass: [https_proxy]", "past the arm, through a proxy", "of another name"),
        ("pass: [LOCUST_USERS]", "is an option of Locust", "of another name"),
        ("pass: [DATABASE_URL]", "is set or read by the lab itself", "of another name"),
        ("pass: [LAB_RUN]", "is set or read by the lab itself", "of another name"),
    ],
)
def test_what_is_refused(tmp_path: Path, line: str, problem: str, remedy: str) -> None:
    with pytest.raises(HypothesisError) as caught:
        passing(tmp_path, line)
    assert caught.value.line == GOOD.splitlines().index("arms:") + 1
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy


def test_what_an_arm_of_a_benchmark_sets_is_not_passed_as_well(tmp_path: Path) -> None:
    text = """---
question: Is it slow?
claim: It is.
kind: benchmark
scenario: scenarios/bench_pagination.py
statistic: min
trial: {window: 50ms}
arms:
  a: {PART: whole}
  b: {PART: half}
control: a
predictions:
  - {says: half is faster, measure: time, compare: b / a, at_most: 0.8}
rivals:
  - {claim: it is fast, says: if so, measure: time, arm: a, at_most: 0.001}
budget: 5m
---
"""
    with pytest.raises(HypothesisError, match="PART is passed, and set by arm a as well"):
        passing(tmp_path, "pass: [PART]", text)
    assert passing(tmp_path, "pass: [TOKEN]", text).passed == ("TOKEN",)


@pytest.mark.slow
def test_every_option_that_locust_reads_from_the_environment_is_known() -> None:
    listing = (
        "from locust.argument_parser import get_empty_argument_parser, setup_parser_arguments;"
        "parser = get_empty_argument_parser(); setup_parser_arguments(parser);"
        "print(*(a.env_var for a in parser._actions if getattr(a, 'env_var', None)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", listing], capture_output=True, text=True, check=True
    )
    assert len(names := done.stdout.split()) > 20
    assert [name for name in names if why_not_passed(name) is None] == []
