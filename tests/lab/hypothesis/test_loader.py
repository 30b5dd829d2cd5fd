"""Hypothesis files are found by name, and read whatever is in them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lab.hypothesis import (
    HypothesisError,
    find_hypothesis,
    hypothesis_names,
    load,
    loads,
    misnamed_files,
    read_headline,
    refuse_misnamed,
)
from lab.input_files.text_file import MAX_BYTES
from tests.lab.hypothesis.examples import BROKEN, GOOD, edited


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("pool-exhaustoin", "Did you mean `pool-exhaustion`?"),
        ("hypotheses/pool-exhaustion.md", "Did you mean `pool-exhaustion`?"),
        ("../../etc/passwd", "It can be: pool-exhaustion."),
        ("", "It can be: pool-exhaustion."),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(
    project: Path, name: str, remedy: str
) -> None:
    with pytest.raises(HypothesisError) as caught:
        find_hypothesis(name, project)
    assert caught.value.remedy == remedy


def test_names_and_questions_of_a_project(project: Path) -> None:
    folder = project / "hypotheses"
    (folder / "README.md").write_text("What lies here")
    (folder / "a-draft.md").write_text("---\nquestion: Is it?\nrest: is missing\n---\n")
    assert hypothesis_names(project) == ["a-draft", "pool-exhaustion"]
    assert read_headline(folder / "a-draft.md") == ("Is it?", "load")
    with pytest.raises(HypothesisError):
        read_headline(folder / "README.md")
    with pytest.raises(HypothesisError, match="there is no hypothesis here"):
        find_hypothesis("any", project / "scenarios")


def test_a_file_whose_name_no_hypothesis_may_have_is_not_passed_over(project: Path) -> None:
    folder = project / "hypotheses"
    (folder / "README.md").write_text("What lies here")
    refuse_misnamed(project)
    (folder / "Checkout.md").write_text(GOOD)
    assert misnamed_files(project) == [folder / "Checkout.md"]
    for find in (lambda: refuse_misnamed(project), lambda: find_hypothesis("Checkout", project)):
        with pytest.raises(HypothesisError, match=r"Checkout\.md: the file name is not allowed"):
            find()


def test_reading_a_question_imports_no_heavy_module() -> None:
    code = (
        "import sys, lab.hypothesis; from pathlib import Path\n"
        f"lab.hypothesis.read_headline(Path({str(BROKEN / 'no-rival.md')!r}))\n"
        "print(*{'pydantic', 'numpy', 'scipy', 'locust'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_line_ends_do_not_matter(project: Path) -> None:
    path = project / "hypotheses" / "pool-exhaustion.md"
    before = load(path, project)
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load(path, project) == before
    assert before.digest.startswith("sha256:")


@pytest.mark.parametrize(
    ("data", "line", "problem"),
    [
        (b"", 1, "there is no front matter"),
        (b"---\nquestion: caf\xe9\n---\n", 2, "this is not UTF-8 text"),
        (b"---\nquestion: a\0b\n---\n", 2, "there is an unprintable character (U+0000)"),
        (b'---\nquestion: "a\\0b"\n---\n', 2, "`question` holds an unprintable character"),
        (b"\x7fELF\x02\x01\x01\x00", 1, "there is an unprintable character"),
        (b"---\n" + b"x" * MAX_BYTES, None, "the file is larger than 256 KiB"),
    ],
)
def test_a_file_that_is_not_text_is_refused(
    project: Path, data: bytes, line: int | None, problem: str
) -> None:
    path = project / "hypotheses" / "odd.md"
    path.write_bytes(data)
    with pytest.raises(HypothesisError) as caught:
        load(path, project)
    assert caught.value.line == line
    assert caught.value.problem.startswith(problem)


@pytest.mark.parametrize("name", ["missing.md", "folder.md", "With Space.md"])
def test_a_path_that_is_not_a_hypothesis_file_is_refused(project: Path, name: str) -> None:
    path = project / "hypotheses" / name
    if name == "folder.md":
        path.mkdir()
    elif name != "missing.md":
        path.write_text(GOOD)
    with pytest.raises(HypothesisError):
        load(path, project)


def test_a_scenario_that_is_not_text_is_refused(project: Path) -> None:
    (project / "scenarios" / "checkout.py").write_bytes(b"\xff\xfe")
    with pytest.raises(HypothesisError, match=r"checkout.py: this is not UTF-8 .*Save it as UTF-8"):
        load(project / "hypotheses" / "pool-exhaustion.md", project)


def test_the_copy_of_a_run_is_read_without_its_scenario(project: Path) -> None:
    claim = edited(project, "## Mechanism", "## Mechanism")
    (project / claim.scenario).unlink()
    copy = project / "hypothesis.md"
    again = loads(claim.text, copy, project, name=claim.name, sealed=True)
    assert again == replace(claim, claim_digest=again.claim_digest, scenario_digest="")
    assert again.claim_digest != claim.claim_digest  # the load's code is part of that seal
    with pytest.raises(HypothesisError, match="there is no scenario"):
        loads(claim.text, copy, project, name=claim.name)


@pytest.mark.parametrize(
    "name",
    [
        "arrivals-soak-script",
        "most-users-soak-script",
        "latency-soak-script",
        "requests-soak-script",
        "sweep-budget",
    ],
)
def test_what_earlier_versions_accepted_is_read_in_the_copy_of_a_run(
    project: Path, name: str
) -> None:
    text = (BROKEN / f"{name}.md").read_text(encoding="utf-8")
    loads(text, project / "hypothesis.md", project, name=name, sealed=True)
