"""A worktree and an environment per revision: built once, checked, and removed without a trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.child_processes import Children
from lab.system import System, load_system
from lab.targets.revision_worktrees import (
    RevisionWorktrees,
    cautions,
    commits_of,
    lay_scenarios,
    remove_all,
)
from lab.targets.target_interface import TargetFailure, TargetUsageError
from tests.repositories import commit, git, new_repository
from tests.runs import ROOT

TOML = '[[process]]\nname = "web"\ncommand = "python app.py --port {port}"\n'
BUILD = '[build]\ncommands = ["mkdir .venv", "touch .venv/built"]\ninputs = ["needs.txt"]\n'
ARMS = {"before": "HEAD~1", "after": "HEAD"}


@pytest.fixture
def children() -> Iterator[Children]:
    with Children() as made:
        yield made


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = new_repository(tmp_path / "shop")
    files = {"lab.toml": TOML + BUILD, "needs.txt": "a\n", ".gitignore": ".venv\n"}
    commit(folder, {**files, "app.py": "1\n", "scenarios/bench_a.py": "old\n"})
    commit(folder, {"app.py": "2\n"})
    return folder


class Built:
    """What `build` was asked to do, and did."""

    def __init__(self, project: Path, children: Children, arms: dict[str, str] = ARMS) -> None:
        self.stages: list[str] = []
        system: System = load_system(project)
        worktrees = RevisionWorktrees(project, system, children, self.stages.append)
        self.revisions = worktrees.revisions(arms, commits_of(project, arms))
        self.folders = worktrees.build(self.revisions)


def worktrees_of(project: Path) -> int:
    """How many worktrees git knows, the project's own aside."""
    return git(project, "worktree", "list", "--porcelain").count("worktree ") - 1


def test_each_revision_has_its_code_and_its_environment(project: Path, children: Children) -> None:
    built = Built(project, children)
    assert [(built.folders[arm] / "app.py").read_text() for arm in ARMS] == ["1\n", "2\n"]
    assert all((folder / ".venv" / "built").is_file() for folder in built.folders.values())
    assert git(project, "status", "--porcelain") == "", "git ignores what is kept"
    assert len({len(str(folder)) for folder in built.folders.values()}) == 1


def test_what_was_built_is_used_again(project: Path, children: Children) -> None:
    first = Built(project, children)
    again = Built(project, children)
    assert (again.folders, again.stages) == (first.folders, [])
    assert len(first.stages) == 6


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "app.py").write_text("edited\n"),
        lambda folder: folder.with_name(f"{folder.name}.json").unlink(),
        lambda folder: folder.with_name(f"{folder.name}.json").write_text("{"),
    ],
    ids=["edited", "killed", "torn"],
)
def test_what_is_not_as_it_was_built_is_built_anew(
    project: Path, children: Children, spoil: object
) -> None:
    assert callable(spoil)
    folder = Built(project, children).folders["after"]
    spoil(folder)
    again = Built(project, children)
    assert len(again.stages) == 3
    assert (folder / "app.py").read_text() == "2\n"
    assert worktrees_of(project) == 2


def test_other_commands_make_another_build(project: Path, children: Children) -> None:
    first = Built(project, children)
    (project / "lab.toml").write_text(TOML + BUILD.replace("touch .venv/built", "touch .venv/b"))
    assert Built(project, children).folders["after"] != first.folders["after"]


def test_two_arms_of_a_commit_share_its_folder(project: Path, children: Children) -> None:
    built = Built(project, children, {"one": "HEAD", "other": "main"})
    assert built.folders["one"] == built.folders["other"]
    assert len(built.stages) == 3


def test_the_working_tree_is_built_with_what_is_not_committed(
    project: Path, children: Children
) -> None:
    (project / "app.py").write_text("3\n")
    built = Built(project, children, {"before": "HEAD", "after": "worktree"})
    assert (built.folders["after"] / "app.py").read_text() == "3\n"


def test_without_a_build_the_environment_of_the_working_tree_is_linked(
    project: Path, children: Children
) -> None:
    (project / "lab.toml").write_text(TOML)
    (project / ".venv").mkdir()
    folder = Built(project, children).folders["before"]
    assert (folder / ".venv").resolve() == project / ".venv"
    assert not (folder / "node_modules").exists()


def test_a_project_in_a_folder_of_its_repository(tmp_path: Path, children: Children) -> None:
    top = new_repository(tmp_path / "mono")
    commit(top, {"shop/lab.toml": TOML, "shop/app.py": "1\n"})
    folder = Built(top / "shop", children, {"before": "HEAD"}).folders["before"]
    assert (folder / "app.py").read_text() == "1\n"


def test_a_build_that_fails_is_named_with_its_output_and_leaves_nothing(
    project: Path, children: Children
) -> None:
    (project / "lab.toml").write_text(TOML + "[build]\ncommands = ['ls absent']\n")
    message = r"(?s)arm before: .*cannot be built: ls absent ended.*absent"
    with pytest.raises(TargetFailure, match=message):
        Built(project, children)
    assert worktrees_of(project) == 0
    assert not list((project / ".lab" / "revisions").iterdir())


def test_submodules_must_be_fetched_by_the_build(
    project: Path, tmp_path: Path, children: Children
) -> None:
    other = new_repository(tmp_path / "other")
    commit(other, {"a": "1\n"})
    git(project, "-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(other))
    commit(project, {})
    with pytest.raises(TargetUsageError, match=r"has the submodule other.*submodule update --init"):
        Built(project, children, {"after": "HEAD"})


def test_hooks_of_the_repository_are_not_run(project: Path, children: Children) -> None:
    hook = project / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    assert Built(project, children).folders


def test_the_benchmarks_are_those_of_the_working_tree(project: Path, children: Children) -> None:
    (project / "scenarios" / "bench_a.py").write_text("new\n")
    (project / "scenarios" / "bench_b.py").write_text("new\n")
    folder = Built(project, children).folders["before"]
    lay_scenarios(project, folder)
    assert sorted(path.name for path in (folder / "scenarios").iterdir()) == [
        "bench_a.py",
        "bench_b.py",
    ]
    assert (folder / "scenarios" / "bench_a.py").read_text() == "new\n"
    assert Built(project, children).stages == [], "its code is what it was"


def test_cautions(project: Path) -> None:
    assert cautions(project, ARMS, commits_of(project, ARMS)) == []
    (project / "app.py").write_text("3\n")
    [dirty] = cautions(project, ARMS, commits_of(project, ARMS))
    assert "differ from HEAD, and no arm runs them" in dirty
    with_worktree = {"before": "HEAD", "after": "worktree"}
    assert cautions(project, with_worktree, commits_of(project, with_worktree)) == []
    same = {"one": "HEAD", "other": "main", "third": "worktree"}
    assert "the same commit" in cautions(project, same, commits_of(project, same))[0]


def test_clean_removes_all_and_what_git_keeps_of_it(project: Path, children: Children) -> None:
    built = Built(project, children)
    names = sorted(folder.name for folder in built.folders.values())
    assert list(remove_all(project)) == names
    assert worktrees_of(project) == 0
    assert not (project / ".lab" / "revisions").exists()
    assert list(remove_all(project)) == []


KILLED = """
import sys
from pathlib import Path
from lab.child_processes import Children
from tests.lab.targets.test_revision_worktrees import Built

Built(Path(sys.argv[1]), Children())
"""


@pytest.mark.slow
def test_kill_9_in_a_build_leaves_nothing(project: Path) -> None:
    (project / "lab.toml").write_text(
        TOML + f"[build]\ncommands = ['touch {project}/begun', 'sleep 60']\n"
    )
    lab = subprocess.Popen([sys.executable, "-c", KILLED, str(project)], cwd=ROOT)
    await_that(lambda: (project / "begun").exists())
    assert worktrees_of(project) == 1
    os.kill(lab.pid, signal.SIGKILL)
    lab.wait()
    await_that(lambda: not list((project / ".lab" / "revisions").iterdir()))
    await_that(lambda: worktrees_of(project) == 0)


def await_that(holds: object, limit_s: float = 20.0) -> None:
    """Wait until something holds."""
    assert callable(holds)
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
