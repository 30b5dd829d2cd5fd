"""Revisions become commits; so does the working tree, and nothing of the user's is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.targets.git_repository import WORKTREE, GitRepository
from lab.targets.target_interface import TargetUsageError
from tests.repositories import commit, git, new_repository


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = new_repository(tmp_path / "repository")
    commit(made, {"app.py": "1\n"}, "the first")
    return made


def test_a_revision_is_the_commit_that_it_names_now(folder: Path) -> None:
    first = git(folder, "rev-parse", "HEAD")
    second = commit(folder, {"app.py": "2\n"}, "the second")
    repository = GitRepository(folder)
    found = [repository.commit(each) for each in ("HEAD~1", "main", "HEAD")]
    assert found == [first, second, second]
    assert repository.commit(first[:8]) == first
    assert repository.subject(first) == "the first"
    assert repository.has(first)
    assert not repository.has("0" * 40)
    third = commit(folder, {}, f"\x1b[2J{'long ' * 40}\n\nbody")
    assert repository.subject(third) == f"?[2J{'long ' * 40}"[:72]


def test_without_a_change_the_working_tree_is_head(folder: Path) -> None:
    repository = GitRepository(folder)
    assert repository.commit(WORKTREE) == repository.commit("HEAD")
    assert not repository.is_dirty()


def test_the_working_tree_is_a_commit_with_what_is_edited_and_new_but_not_ignored(
    folder: Path,
) -> None:
    commit(folder, {".gitignore": "*.log\n"})
    (folder / "app.py").write_text("edited\n")
    (folder / "new.py").write_text("new\n")
    (folder / "run.log").write_text("ignored\n")
    before = git(folder, "status", "--porcelain")
    repository = GitRepository(folder)
    made = repository.commit(WORKTREE)
    assert repository.is_dirty()
    assert git(folder, "show", f"{made}:app.py") == "edited"
    assert git(folder, "ls-tree", "--name-only", made).split() == [".gitignore", "app.py", "new.py"]
    assert git(folder, "rev-parse", f"{made}^") == git(folder, "rev-parse", "HEAD")
    assert git(folder, "status", "--porcelain") == before, "the index is as it was"
    assert repository.commit(WORKTREE) == made, "the same files are the same commit"


@pytest.mark.parametrize(
    "path", ["lab.toml", "scenarios/a.py", "hypotheses/a.md", "reports/x/plan.json"]
)
def test_files_of_the_lab_are_not_what_is_measured(folder: Path, path: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text("new\n")
    repository = GitRepository(folder)
    assert not repository.is_dirty()
    assert repository.commit(WORKTREE) == repository.commit("HEAD")


def test_files_that_a_command_writes_are_not_what_is_measured(folder: Path) -> None:
    written = (folder / "out" / "lab.xml", folder.with_name("elsewhere.md"))
    (folder / "out").mkdir()
    written[0].write_text("<testsuite/>\n")
    repository = GitRepository(folder, written)
    assert not repository.is_dirty()
    assert repository.commit(WORKTREE) == repository.commit("HEAD")
    (folder / "out" / "other.xml").write_text("<testsuite/>\n")
    assert repository.is_dirty()
    assert repository.commit(WORKTREE) != repository.commit("HEAD")


def test_a_project_may_be_a_folder_of_its_repository(folder: Path) -> None:
    commit(folder, {"shop/lab.toml": "", "shop/requirements.txt": "a\n"})
    repository = GitRepository(folder / "shop")
    assert (repository.top, repository.prefix) == (folder, "shop")
    before = repository.contents("HEAD", ["requirements.txt"])
    commit(folder, {"shop/app.py": "3\n"})
    assert repository.contents("HEAD", ["requirements.txt"]) == before != ""
    commit(folder, {"shop/requirements.txt": "b\n"})
    assert repository.contents("HEAD", ["requirements.txt"]) != before


def test_commits_differ_in_any_file_but_those_of_the_lab(folder: Path) -> None:
    commit(folder, {"shop/lab.toml": "", "shop/app.py": "1\n"})
    repository = GitRepository(folder / "shop")
    for path, differ in (
        ("shop/app.py", True),
        ("libs/a.py", True),
        ("shop/lab.toml", False),
        ("shop/scenarios/a.py", False),
        ("scenarios/a.py", True),
    ):
        commit(folder, {path: "new\n"})
        assert repository.differ("HEAD~1", "HEAD") is differ, path


def test_three_dots_begin_where_two_revisions_went_apart(folder: Path) -> None:
    base = git(folder, "rev-parse", "HEAD")
    git(folder, "checkout", "--quiet", "-b", "topic")
    commit(folder, {"topic.py": "1\n"})
    git(folder, "checkout", "--quiet", "main")
    commit(folder, {"main.py": "1\n"})
    repository = GitRepository(folder)
    assert repository.merge_base("main", "topic") == base
    (folder / "main.py").write_text("2\n")
    assert repository.merge_base("topic", WORKTREE) == base
    with pytest.raises(TargetUsageError, match="there is no revision `absent`"):
        repository.merge_base("main", "absent")


def test_the_same_files_are_the_same_tree_whatever_the_commit(folder: Path) -> None:
    repository = GitRepository(folder)
    first = repository.commit("HEAD")
    commit(folder, {})
    assert repository.commit("HEAD") != first
    assert repository.tree("HEAD") == repository.tree(first)


def test_what_is_edited_in_a_submodule_is_refused_until_it_is_committed(
    folder: Path, tmp_path: Path
) -> None:
    other = new_repository(tmp_path / "other")
    commit(other, {"a": "1\n"})
    git(folder, "-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(other))
    commit(folder, {})
    repository = GitRepository(folder)
    assert repository.commit(WORKTREE) == repository.commit("HEAD")
    (folder / "other" / "a").write_text("2\n")
    with pytest.raises(TargetUsageError, match=r"the submodule other has changes .* Commit them"):
        repository.commit(WORKTREE)
    commit(folder / "other", {})
    assert repository.commit(WORKTREE) != repository.commit("HEAD")


def test_what_git_says_is_passed_on_in_one_line(folder: Path) -> None:
    with pytest.raises(TargetUsageError, match=r"git log failed: fatal: bad object 0{40}$"):
        GitRepository(folder).subject("0" * 40)


def test_submodules_are_found(folder: Path, tmp_path: Path) -> None:
    other = new_repository(tmp_path / "other")
    commit(other, {"a": "1\n"})
    assert GitRepository(folder).submodules("HEAD") == []
    allowed = ("-c", "protocol.file.allow=always")
    git(folder, *allowed, "submodule", "add", "--quiet", str(other), "vendor/other")
    commit(folder, {})
    assert GitRepository(folder).submodules("HEAD") == ["vendor/other"]


def test_a_revision_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(TargetUsageError, match=r"there is no revision `release`. git branch --all"):
        GitRepository(folder).commit("release")


def test_a_branch_that_only_the_remote_has_is_suggested(folder: Path, tmp_path: Path) -> None:
    git(folder, "branch", "release")
    git(tmp_path, "clone", "--quiet", str(folder), "clone")
    with pytest.raises(TargetUsageError, match=r"but there is `origin/release`. Write that"):
        GitRepository(tmp_path / "clone").commit("release")


def test_a_shallow_clone_is_named(folder: Path, tmp_path: Path) -> None:
    commit(folder, {"app.py": "2\n"})
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{folder}", "clone")
    with pytest.raises(TargetUsageError, match=r"is shallow.*--unshallow.*fetch-depth: 0"):
        GitRepository(tmp_path / "clone").commit("HEAD~1")


def test_a_repository_without_a_commit_is_named(tmp_path: Path) -> None:
    with pytest.raises(TargetUsageError, match=r"there is no commit yet. Commit the code first"):
        GitRepository(new_repository(tmp_path / "empty")).commit("HEAD")


def test_a_folder_without_a_repository_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path))  # as a hook has it: it is not what is meant
    message = r"git finds no repository here \(fatal: not a git repository.*make one: git init"
    with pytest.raises(TargetUsageError, match=message):
        GitRepository(tmp_path)


def test_a_git_that_does_not_answer_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = GitRepository(folder)
    slow = tmp_path / "path" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec /bin/sleep 20\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(slow.parent))
    monkeypatch.setattr("lab.targets.git_repository._ANSWER_S", 0.2)
    with pytest.raises(TargetUsageError, match=r"git rev-parse does not answer.*holds a lock"):
        repository.commit("HEAD")


def test_a_machine_without_git_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(TargetUsageError, match="there is no program `git`"):
        GitRepository(folder)
