"""A worktree and an environment per revision: built once, checked, and removed without a trace."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.processes.child_processes import Child, Children
from lab.system import System, load_system
from lab.targets.revision_worktrees import (
    RevisionWorktrees,
    build_cautions,
    cautions,
    commits_of,
    folders_of_files,
    lay_scenarios,
    refuse_fixed_paths,
    remove_all,
    require_commits,
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
    files |= {"config.json": "[]\n", "scenarios/bench_a.py": "old\n"}
    commit(folder, {**files, "app.py": "1\n"})
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
    for folder in built.folders.values():
        assert folders_of_files(project, folder) == (folder, project)


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
        lambda folder: folder.with_name(f"{folder.name}.json").write_text('{"code": "sha256:0"}'),
        lambda folder: shutil.rmtree(folder / ".venv"),
        lambda folder: (folder / ".venv" / "built").unlink(),
        lambda folder: (folder / "config.json").write_text("{}\n"),
    ],
    ids=[
        *("edited", "killed", "torn", "of-an-earlier-version"),
        *("without-environment", "without-what-was-built", "configured"),
    ],
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


def test_what_earlier_runs_have_left_is_removed(project: Path, children: Children) -> None:
    folder = Built(project, children).folders["after"]
    (folder / "uploads" / "a").mkdir(parents=True)
    (folder / "__pycache__").mkdir()
    for path in ("shop.db", "uploads/a/1", ".venv/cache", "__pycache__/app.pyc"):
        (folder / path).write_text("of an earlier run\n")
    (folder / "latest").symlink_to(folder / "uploads")
    assert Built(project, children).stages == []
    left = {path.name for path in folder.iterdir()} - {"scenarios", ".git"}
    assert left == {"__pycache__", ".gitignore", ".venv", "app.py", "config.json"} | {
        *("lab.toml", "needs.txt")
    }
    assert [path.name for path in (folder / ".venv").iterdir()] == ["built"]
    assert (folder / "__pycache__" / "app.pyc").exists(), "Python checks that itself"


def test_another_python_makes_another_build(
    project: Path, tmp_path: Path, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [Built(project, children).folders["after"]]
    program = tmp_path / "bin" / "python3"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        folders.append(Built(project, children).folders["after"])
    monkeypatch.setattr("platform.python_version", lambda: "3.99.1")
    folders.append(Built(project, children).folders["after"])
    assert len(set(folders)) == 3


def test_other_commands_make_another_build(project: Path, children: Children) -> None:
    first = Built(project, children)
    (project / "lab.toml").write_text(TOML + BUILD.replace("touch .venv/built", "touch .venv/b"))
    assert Built(project, children).folders["after"] != first.folders["after"]
    folders = []
    for name in ("a b", "a  b"):
        build = BUILD.replace("touch .venv/built", f"touch '{name}'")
        (project / "lab.toml").write_text(TOML + build)
        folders.append(Built(project, children).folders["after"])
    assert folders[0] != folders[1]


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
    (project / "node_modules").mkdir()
    assert (Built(project, children).folders["before"] / "node_modules").is_symlink()


def test_a_project_in_a_folder_of_its_repository(tmp_path: Path, children: Children) -> None:
    top = new_repository(tmp_path / "mono")
    commit(top, {"shop/lab.toml": TOML, "shop/app.py": "1\n"})
    folder = Built(top / "shop", children, {"before": "HEAD"}).folders["before"]
    assert (folder / "app.py").read_text() == "1\n"
    assert folders_of_files(top / "shop", folder) == (folder.parent, top)


def test_a_build_that_fails_is_named_with_its_remedy_and_leaves_nothing(
    project: Path, children: Children
) -> None:
    (project / "lab.toml").write_text(TOML + "[build]\ncommands = ['ls absent']\n")
    with pytest.raises(TargetFailure) as failed:
        Built(project, children)
    message = str(failed.value)
    assert re.match(
        r"arm before: HEAD~1 \([0-9a-f]{12}, a change\) cannot be built: ls absent does not "
        r"succeed there. Correct the `commands` of \[build\] in lab.toml. It ended with exit code "
        r"2; its output:\n.*ls: cannot access 'absent'",
        message,
    )
    assert worktrees_of(project) == 0
    assert not list((project / ".lab" / "revisions").iterdir())
    (project / "lab.toml").write_text(TOML + "[build]\ncommands = ['ls app.py']\n")
    assert Built(project, children).folders


def test_a_build_without_its_program_is_named_with_its_remedy(
    project: Path, children: Children
) -> None:
    (project / "lab.toml").write_text(TOML + "[build]\ncommands = ['absent-program']\n")
    with pytest.raises(TargetUsageError, match=r"there is no program `absent-program`.*Install it"):
        Built(project, children)
    assert worktrees_of(project) == 0


def test_a_revision_without_what_its_build_reads_is_named(
    project: Path, children: Children
) -> None:
    git(project, "rm", "--quiet", "needs.txt")
    commit(project, {})
    (project / "lab.toml").write_text(TOML + "[build]\ncommands = ['cat needs.txt']\n")
    with pytest.raises(TargetFailure, match=r"(?s)arm after: HEAD .*cat needs.txt.*No such file"):
        Built(project, children)


def test_the_active_environment_is_not_the_one_that_a_build_changes(
    project: Path, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", str(project / ".venv"))
    monkeypatch.setenv("PYTHONPATH", str(project))
    monkeypatch.setenv("PIP_INDEX_URL", "https://packages.example.org")
    command = "sh -c 'env > environment'"
    (project / "lab.toml").write_text(TOML + f'[build]\ncommands = ["{command}"]\n')
    folder = Built(project, children).folders["after"]
    names = [line.partition("=")[0] for line in (folder / "environment").read_text().splitlines()]
    assert "PIP_INDEX_URL" in names, "what the user's installations need"
    assert not {"VIRTUAL_ENV", "PYTHONPATH"}.intersection(names)


def test_submodules_must_be_fetched_by_the_build(
    project: Path, tmp_path: Path, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = new_repository(tmp_path / "other")
    commit(other, {"a": "1\n"})
    git(project, "-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(other))
    commit(project, {})
    with pytest.raises(TargetUsageError, match=r"has the submodule other.*submodule update --init"):
        Built(project, children, {"after": "HEAD"})
    git_config = tmp_path / "gitconfig"  # git fetches no submodule from a folder by itself
    git_config.write_text('[protocol "file"]\n\tallow = always\n')
    monkeypatch.setenv("HOME", str(tmp_path))
    git_config.rename(tmp_path / ".gitconfig")
    update = "git submodule update --init --recursive"
    (project / "lab.toml").write_text(TOML + f'[build]\ncommands = ["{update}"]\n')
    folder = Built(project, children, {"after": "HEAD"}).folders["after"]
    assert (folder / "other" / "a").read_text() == "1\n"


def test_a_revision_without_the_folder_of_the_project_is_named(
    tmp_path: Path, children: Children
) -> None:
    top = new_repository(tmp_path / "mono")
    commit(top, {"README": "1\n"})
    commit(top, {"shop/lab.toml": TOML, "shop/app.py": "1\n"})
    with pytest.raises(TargetUsageError, match=r"has no folder shop.*Compare revisions that have"):
        Built(top / "shop", children)
    assert worktrees_of(top) == 0


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


def test_a_lock_file_of_an_editor_is_no_benchmark(project: Path, children: Children) -> None:
    folder = Built(project, children).folders["before"]
    (project / "scenarios" / ".#bench_a.py").symlink_to("somebody@here.123")
    lay_scenarios(project, folder)
    assert [path.name for path in (folder / "scenarios").iterdir()] == ["bench_a.py"]


def test_benchmarks_that_cannot_be_copied_are_named(
    project: Path, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Built(project, children).folders["before"]
    pipe = project / "scenarios" / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(TargetFailure, match=r"scenarios: its files cannot .*is a named pipe"):
        lay_scenarios(project, folder)
    pipe.unlink()
    lay_scenarios(project, folder)

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", fail)
    with pytest.raises(TargetFailure, match=r"\(No space left on device\). Make room"):
        lay_scenarios(project, folder)


def test_a_commit_that_is_gone_must_be_fetched(project: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(project), "clone")
    clone = tmp_path / "clone"
    require_commits(clone, {})
    require_commits(clone, commits_of(project, ARMS))
    newer = {"before": commit(project, {"app.py": "3\n"})}
    with pytest.raises(TargetUsageError) as refused:
        require_commits(clone, newer)
    assert str(refused.value) == (
        f"{clone}: the commit {newer['before'][:12]} of arm before is not in this clone. Fetch "
        "it, or start a new run without --resume"
    )
    git(clone, "fetch", "--quiet")
    require_commits(clone, newer)


def cautioned(project: Path, arms: dict[str, str]) -> list[str]:
    return cautions(project, load_system(project), arms, commits_of(project, arms))


def test_cautions(project: Path) -> None:
    assert cautioned(project, ARMS) == []
    (project / "app.py").write_text("3\n")
    [dirty] = cautioned(project, ARMS)
    assert "differ from HEAD, and no arm runs them" in dirty
    assert cautioned(project, {"before": "HEAD", "after": "worktree"}) == []
    [same] = cautioned(project, {"one": "HEAD", "other": "main", "third": "worktree"})
    assert "the same commit" in same


def test_commits_with_the_same_files_are_called_noise(project: Path) -> None:
    commit(project, {})
    [found] = cautioned(project, ARMS)
    assert found == "arms run commits with the same code: what is measured is noise"


def test_commits_that_differ_in_files_of_the_lab_alone_are_called_noise(project: Path) -> None:
    commit(project, {"lab.toml": TOML + BUILD + "# more\n"})
    same, described = cautioned(project, ARMS)
    assert same == "arms run commits with the same code: what is measured is noise"
    assert described == (
        "lab.toml differs between the commits: all run with that of the working tree"
    )
    commit(project, {"scenarios/bench_a.py": "new\n", "hypotheses/a.md": "new\n"})
    assert cautioned(project, ARMS) == [same]
    commit(project, {"app.py": "3\n", "lab.toml": TOML + BUILD})
    assert cautioned(project, ARMS) == [described]


def test_without_a_build_all_use_one_environment_and_that_is_said(project: Path) -> None:
    (project / "lab.toml").write_text(TOML)
    [found] = cautioned(project, ARMS)
    assert "there is no [build] in lab.toml: all use the environment of the working tree" in found


def test_a_build_that_makes_no_environment_is_said(project: Path, children: Children) -> None:
    def cautioned_of_build() -> list[str]:
        folders = Built(project, children).folders
        for code in folders.values():
            (code / "requirements.txt").touch()
        return build_cautions(load_system(project), folders)

    assert cautioned_of_build() == []
    (project / "lab.toml").write_text(TOML)
    assert cautioned_of_build() == [], "that there is no [build] is said before"
    (project / "lab.toml").write_text(TOML + "[build]\ncommands = ['touch built']\n")
    [found] = cautioned_of_build()
    assert found == (
        "[build] in lab.toml makes none of .venv, venv, node_modules for before, after: packages "
        "of Python or Node are those that are found elsewhere, the same for all"
    )
    assert build_cautions(load_system(project), {"before": project / "other"}) == [], "no packages"


@pytest.mark.parametrize(
    "line",
    [
        'command = "python {project}/app.py --port {{port}}"',
        'command = "python app.py --port {{port}}"\nenv = {{CODE = "{project}"}}',
        'command = "python app.py {{port}}"\n[build]\ncommands = ["pip install -e {project}"]',
        'command = "python app.py {{port}}"\n[postgres]\nprepare = "python {project}/schema.py"',
    ],
)
def test_a_path_into_the_working_tree_is_refused(project: Path, line: str) -> None:
    toml = '[[process]]\nname = "web"\n' + line.format(project=project)
    (project / "lab.toml").write_text(toml)
    with pytest.raises(TargetUsageError, match="names the folder of the working tree"):
        refuse_fixed_paths(project, load_system(project))
    (project / "lab.toml").write_text(toml.replace(str(project), f"{project}-2"))
    refuse_fixed_paths(project, load_system(project))


def test_a_path_into_the_repository_of_the_project_is_refused(tmp_path: Path) -> None:
    top = new_repository(tmp_path / "mono")
    project = top / "shop"
    for toml in (
        TOML + f'env = {{PYTHONPATH = "{top}/libs"}}\n',
        TOML + f'[build]\ncommands = ["pip install -e {top}/libs/shared"]\n',
        TOML.replace("app.py", f"{top}/tools/serve.py"),
    ):
        commit(top, {"shop/lab.toml": toml})
        with pytest.raises(TargetUsageError, match="names the folder of the working tree"):
            refuse_fixed_paths(project, load_system(project))
        commit(top, {"shop/lab.toml": toml.replace(str(top), "..")})
        refuse_fixed_paths(project, load_system(project))
        for other in (str(tmp_path), f"web{top}"):
            commit(top, {"shop/lab.toml": toml.replace(str(top), other)})
            refuse_fixed_paths(project, load_system(project))


def test_a_path_that_leads_into_the_working_tree_by_a_link_is_refused(
    project: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(project)
    for text in (f"{link}/app.py", f"--code={link}", f"file://{link}/app.py"):
        toml = f'[[process]]\nname = "web"\ncommand = "python {text} --port {{port}}"\n'
        (project / "lab.toml").write_text(toml)
        with pytest.raises(TargetUsageError, match="names the folder of the working tree"):
            refuse_fixed_paths(project, load_system(project))
        (project / "lab.toml").write_text(toml.replace(str(link), f"{link}-2"))
        refuse_fixed_paths(project, load_system(project))


def test_the_program_of_a_build_may_be_one_of_the_working_tree(project: Path) -> None:
    build = f'[build]\ncommands = ["{project}/.venv/bin/python -m venv .venv"]\n'
    (project / "lab.toml").write_text(TOML + build)
    refuse_fixed_paths(project, load_system(project))


def test_clean_removes_all_and_what_git_keeps_of_it(project: Path, children: Children) -> None:
    built = Built(project, children)
    names = sorted(folder.name for folder in built.folders.values())
    assert list(remove_all(project)) == names
    assert worktrees_of(project) == 0
    assert not (project / ".lab" / "revisions").exists()
    assert list(remove_all(project)) == []


def test_an_interrupted_build_leaves_nothing(
    project: Path, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(child: Child, limit_s: float) -> str | None:
        if "mkdir" not in str(child.popen.args):
            return await_end(child, limit_s)
        raise KeyboardInterrupt

    await_end = children.await_end
    monkeypatch.setattr(children, "await_end", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Built(project, children)
    assert worktrees_of(project) == 0
    assert not list((project / ".lab" / "revisions").iterdir())
    assert children.running() == ()


KILLED = """
import sys
from pathlib import Path
from lab.processes.child_processes import Children
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
