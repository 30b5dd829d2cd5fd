"""`action.yml`: its inputs are documented, and its steps run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab.documents import names, rows, section
from tests.repositories import commit, git, new_repository
from tests.runs import ROOT

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}
DEFAULTS = {name: spec.get("default", "") for name, spec in ACTION["inputs"].items()}
COMPARE, FETCH = "Compare", "Fetch the history that is missing"


def run(
    name: str, folder: Path, event: str = "push", sha: str = "", head: str = "", **given: str
) -> subprocess.CompletedProcess[str]:
    """Run the script of a step, its environment filled from the inputs as GitHub does.

    Args:
        name: Of the step.
        folder: In which it runs.
        event: That GitHub reports.
        sha: The commit of that event: of a pull request, its merge.
        head: The newest commit of the pull request.
        given: Inputs.
    """
    inputs = {**DEFAULTS, **{key.replace("_", "-"): value for key, value in given.items()}}
    values = {f"inputs.{key}": value for key, value in inputs.items()}
    values["steps.history.outputs.range"] = chosen(folder)
    values["github.event.pull_request.head.sha"] = head
    env = {
        key: re.sub(r"\$\{\{ ([a-z._-]+) \}\}", lambda found: values[found[1]], text)
        for key, text in STEPS[name]["env"].items()
    }
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", STEPS[name]["run"]],
        cwd=folder,
        env={
            **os.environ,
            **env,
            "GITHUB_EVENT_NAME": event,
            "GITHUB_BASE_REF": "main",
            "GITHUB_SHA": sha,
            "RUNNER_TEMP": str(folder.parent),
            "GITHUB_OUTPUT": str(folder.parent / "output"),
        },
        capture_output=True,
        text=True,
        check=True,
    )


def chosen(folder: Path) -> str:
    """The range of revisions that the step before has chosen; "" if there was none."""
    output = folder.parent / "output"
    lines = output.read_text().splitlines() if output.exists() else [""]
    return lines[-1].removeprefix("range=")


def compared(folder: Path, event: str = "push", sha: str = "", **given: str) -> str:
    """What `lab` prints, at the end of both steps."""
    run(FETCH, folder, event, sha, **given)
    return run(COMPARE, folder, event, sha, **given).stdout


def merged(folder: Path, branch: str) -> str:
    """Merge a branch into the one that is checked out; the commit."""
    git(folder, "merge", "--quiet", "--no-ff", "-m", "a merge", branch)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def fake_lab(tmp_path: Path) -> Path:
    """A project whose `lab` prints its arguments, each in brackets."""
    program = tmp_path / "lab" / "bin" / "lab"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\nprintf '[%s]' \"$@\"\n")
    program.chmod(0o755)
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def test_it_is_a_composite_action_whose_scripts_hold_no_expressions() -> None:
    """An expression in a script would run what a pull request writes into a name."""
    assert ACTION["runs"]["using"] == "composite"
    for step in STEPS.values():
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]


def test_every_input_is_documented_with_its_default_and_used() -> None:
    table = rows(section(ROOT / "docs" / "ci.md", "Of a pull request"))
    documented = {name for first, *_ in table for name in names(first)}
    assert documented == set(ACTION["inputs"])
    text = (ROOT / "action.yml").read_text()
    assert all(f"inputs.{name} }}}}" in text for name in ACTION["inputs"])


def test_the_arguments_of_lab_diff(fake_lab: Path) -> None:
    said = compared(fake_lab, scenario="scenarios/a b.py", slower_than="4%")
    assert said == (
        "[diff][HEAD^1..HEAD][--budget][10m][--junit][out/lab.xml][--summary][out/lab.md]"
        "[--scenario][scenarios/a b.py][--slower-than][4%]"
    )
    said = compared(fake_lab, benchmark="b.py::t", before="v1", faster_than="20%")
    assert "[v1..HEAD]" in said and "[--benchmark][b.py::t][--faster-than][20%]" in said
    said = compared(fake_lab, "pull_request", "0" * 40, before="origin/main")
    assert said.startswith("[diff][origin/main...HEAD]"), "main may have moved on"


def test_what_an_input_holds_is_never_run(fake_lab: Path) -> None:
    text = '"; touch ran; $(touch ran) `touch ran`'
    said = compared(fake_lab, scenario=text, before=text)
    assert "[--scenario]" in said
    assert not (fake_lab / "ran").exists()


def test_a_shallow_clone_is_completed(tmp_path: Path) -> None:
    origin = new_repository(tmp_path / "origin")
    first = commit(origin, {"a": "1\n"})
    commit(origin, {"a": "2\n"})
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{origin}", "clone")
    run(FETCH, tmp_path / "clone")
    assert git(tmp_path / "clone", "rev-parse", "HEAD^1") == first


def test_a_clone_with_all_that_is_needed_fetches_nothing(tmp_path: Path) -> None:
    origin = new_repository(tmp_path / "origin")
    for text in "123":
        commit(origin, {"a": text})
    git(tmp_path, "clone", "--quiet", "--depth=2", f"file://{origin}", "clone")
    run(FETCH, tmp_path / "clone")
    assert git(tmp_path / "clone", "rev-parse", "--is-shallow-repository") == "true"


def test_of_a_pull_request_the_merge_is_compared_with_its_base(tmp_path: Path) -> None:
    """The first parent of another commit would be one of the pull request's own."""
    origin = new_repository(tmp_path / "origin")
    commit(origin, {"a": "1\n"})
    git(origin, "checkout", "--quiet", "-b", "topic")
    for text in "12":
        commit(origin, {"b": text})
    for depth in ("1", "9"):
        clone = tmp_path / f"clone-{depth}"
        git(tmp_path, "clone", "--quiet", f"--depth={depth}", f"file://{origin}", clone.name)
        with pytest.raises(subprocess.CalledProcessError) as failed:
            run(FETCH, clone, "pull_request")
        assert failed.value.stdout.startswith("::error::HEAD is not the merge of this pull request")
        assert "Write before: origin/main, or check out the merge" in failed.value.stdout
        run(FETCH, clone, "push")
        run(FETCH, clone, "pull_request", before="HEAD^1")
    git(origin, "checkout", "--quiet", "main")
    merge = merged(origin, "topic")
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{origin}", "merged")
    run(FETCH, tmp_path / "merged", "pull_request", merge)
    assert chosen(tmp_path / "merged") == "HEAD^1..HEAD"
    run(FETCH, tmp_path / "merged", "pull_request", merge, before="HEAD^1")
    assert chosen(tmp_path / "merged") == "HEAD^1..HEAD"
    topic = git(origin, "rev-parse", "topic")
    assert git(tmp_path / "merged", "rev-parse", "HEAD^2") == topic
    run(FETCH, tmp_path / "merged", "pull_request", "0" * 40, topic)
    assert chosen(tmp_path / "merged") == "HEAD^1..HEAD", "a merge that was made anew"


def test_a_merge_of_the_base_is_not_the_merge_of_the_pull_request(tmp_path: Path) -> None:
    """As "Update branch" makes one: its first parent is the pull request itself."""
    origin = new_repository(tmp_path / "origin")
    commit(origin, {"a": "1\n"})
    git(origin, "checkout", "--quiet", "-b", "topic")
    commit(origin, {"b": "1\n"})
    git(origin, "checkout", "--quiet", "main")
    commit(origin, {"a": "2\n"})
    git(origin, "checkout", "--quiet", "topic")
    merged(origin, "main")
    with pytest.raises(subprocess.CalledProcessError) as failed:
        run(FETCH, origin, "pull_request", "0" * 40, git(origin, "rev-parse", "topic"))
    assert failed.value.stdout.startswith("::error::HEAD is not the merge of this pull request")
