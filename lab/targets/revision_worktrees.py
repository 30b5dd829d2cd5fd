"""Revisions of a project as folders of code: a git worktree each, built once, and kept.

They are in `.lab/revisions/` of the project. A folder is named after its commit and after what its
build depends on; beside it is a record, written last, without which it is not used. What is kept
is checked before it is used again, and what earlier runs have left in it is removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from lab.files.json_files import write_whole
from lab.files.project_folder import KEPT, kept_folder
from lab.processes.child_processes import Child, Children
from lab.system import FILE, System
from lab.targets.command_environment import search_path, with_program
from lab.targets.git_repository import WORKTREE, GitRepository
from lab.targets.git_repository import environment as git_environment
from lab.targets.target_interface import TargetFailure, TargetUsageError

_FOLDER = "revisions"
_BUILD_S = 1800.0  # that a command may take
_SCENARIOS = "scenarios"
_LINKED = (".venv", "venv", "node_modules")  # environments, of the working tree
_PACKAGED = ("pyproject.toml", "requirements.txt", "setup.py", "package.json")  # need one
_OF_ANOTHER_ENVIRONMENT = (  # that may be active in the shell: a build would change that one
    *("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "PYTHONHOME", "PYTHONPATH", "NODE_PATH"),
)
_NOT_RECORDED = {".git", "__pycache__"}  # git and Python keep them, and check what is in them
_ABSOLUTE_PATH = re.compile(r"(?<![\w.}])/+[^\s:;,=\"'()\0]+")
_SHOWN = 12  # characters of a commit and of a digest in a name


@dataclass(frozen=True)
class Revision:
    """A revision that an arm runs.

    Attributes:
        written: In the hypothesis.
        commit: Which that was when the run was planned.
        subject: The first line of its message.
    """

    written: str
    commit: str
    subject: str

    def __str__(self) -> str:
        return f"{self.written} ({self.commit[:_SHOWN]}, {self.subject})"


def commits_of(
    project: Path, revisions: Mapping[str, str], written: Iterable[Path] = ()
) -> dict[str, str]:
    """The commit of each arm, now. TargetUsageError if there is no such revision.

    Args:
        project: Its folder.
        revisions: By the names of the arms.
        written: Files that the command writes: they are not what is measured.
    """
    if not revisions:
        return {}
    repository = GitRepository(project, written)
    return {arm: repository.commit(written) for arm, written in revisions.items()}


def require_commits(project: Path, commits: Mapping[str, str]) -> None:
    """TargetUsageError if a commit that a plan was sealed with is gone."""
    if not commits:
        return
    repository = GitRepository(project)
    for arm, commit in commits.items():
        if not repository.has(commit):
            raise TargetUsageError(
                f"{repository.top}: the commit {commit[:_SHOWN]} of arm {arm} is not in this "
                "clone. Fetch it, or start a new run without --resume"
            )


def refuse_fixed_paths(project: Path, system: System) -> None:
    """TargetUsageError if `lab.toml` names the working tree: every revision would run its code.

    That is the whole of the repository, of which the project may be a folder.
    """
    texts = [each.written for each in (system.check, system.reset) if each is not None]
    for build in system.build.commands:  # its program may be one of the working tree
        texts += [word.written for word in build.words[1:]]
    for process in system.processes:
        texts += [process.command.written, *(value.written for value in process.env.values())]
    if system.postgres is not None:
        prepare = system.postgres.prepare
        texts += [system.postgres.reset or "", "" if prepare is None else prepare.written]
    top = GitRepository(project).top
    for text in texts:
        if _names(text, top):
            raise TargetUsageError(
                f"{project / FILE}: `{text}` names the folder of the working tree, {top}, so that "
                f"every revision would run the code there. Write the path from that of {FILE} on"
            )


def cautions(
    project: Path,
    system: System,
    revisions: Mapping[str, str],
    commits: Mapping[str, str],
    written: Iterable[Path] = (),
) -> list[str]:
    """What is to be known of a comparison of these; `written` as for `commits_of`."""
    if not revisions:
        return []
    repository, found = GitRepository(project, written), []
    if WORKTREE not in revisions.values() and repository.is_dirty():
        found.append(
            "the files here differ from HEAD, and no arm runs them: commits are compared. Write "
            f"`{WORKTREE}` for what is not committed"
        )
    if len(set(commits.values())) < len(commits):
        found.append("arms run the same commit: only their settings differ, if anything does")
    elif not all(repository.differ(a, b) for a, b in combinations(commits.values(), 2)):
        found.append("arms run commits with the same code: what is measured is noise")
    if len({repository.contents(commit, (FILE,)) for commit in commits.values()}) > 1:
        found.append(f"{FILE} differs between the commits: all run with that of the working tree")
    if not system.build.commands:
        found.append(
            f"there is no [build] in {FILE}: all use the environment of the working tree, with the "
            "packages that are installed there"
        )
    return found


def build_cautions(system: System, folders: Mapping[str, Path]) -> list[str]:
    """What is to be known of how arms were built.

    Args:
        system: As `lab.toml` describes it.
        folders: The code of each arm, as `RevisionWorktrees.build` returns it.
    """
    without = [
        arm
        for arm, code in folders.items()
        if any((code / each).is_file() for each in _PACKAGED) and not _environments(code)
    ]
    if not system.build.commands or not without:
        return []
    return [
        f"[build] in {FILE} makes none of {', '.join(_LINKED)} for {', '.join(without)}: packages "
        "of Python or Node are those that are found elsewhere, the same for all"
    ]


class RevisionWorktrees:
    """The worktrees of a project.

    Args:
        project: Its folder.
        system: As `lab.toml` describes it: how it is built, and what its code is.
        children: Start git and the commands of the build.
        report: Called with what is done next, if it takes long.
    """

    def __init__(
        self,
        project: Path,
        system: System,
        children: Children,
        report: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._project = project
        self._system = system
        self._children = children
        self._report = report
        self._repository = GitRepository(project)

    def revisions(
        self, written: Mapping[str, str], commits: Mapping[str, str]
    ) -> dict[str, Revision]:
        """Each arm's revision, with what is shown of it."""
        return {
            arm: Revision(written[arm], commit, self._repository.subject(commit))
            for arm, commit in commits.items()
        }

    def build(self, revisions: Mapping[str, Revision]) -> dict[str, Path]:
        """The folder of each arm's code, made and built if it is not there.

        Raises:
            TargetUsageError: A revision has submodules that its build does not fetch.
            TargetFailure: It cannot be built.
        """
        folder = kept_folder(self._project, _FOLDER)
        return {arm: self._built(folder, arm, revision) for arm, revision in revisions.items()}

    def _built(self, folder: Path, arm: str, revision: Revision) -> Path:
        worktree = folder / self._name(revision.commit)
        code = worktree / self._repository.prefix
        if not self._is_restored(worktree, code):
            self._refuse_submodules(revision)
            administration = self._repository.administration(worktree.name)
            _remove(worktree, administration)
            with self._children.removed_on_death(worktree, administration):
                try:
                    record = self._make(arm, revision, worktree, code)
                    write_whole(_record(worktree), json.dumps(record) + "\n")
                except BaseException:
                    with contextlib.suppress(OSError):  # without a record it is not used anyway
                        _remove(worktree, administration)
                    raise
        return code

    def _make(self, arm: str, revision: Revision, worktree: Path, code: Path) -> dict[str, Any]:
        """Check a commit out and build it; what is recorded of that."""
        began = time.monotonic()
        self._report(f"checking out {revision}")
        git = ["git", "-C", str(self._repository.top), "-c", "core.hooksPath=/dev/null"]
        add = [*git, "worktree", "add", "--force", "--detach", str(worktree), revision.commit]
        self._run(f"arm {arm}: {revision} cannot be checked out", add, self._repository.top)
        if not code.is_dir():
            raise TargetUsageError(
                f"arm {arm}: {revision} has no folder {self._repository.prefix}, in which the "
                "project is now. Compare revisions that have it"
            )
        for command in self._system.build.commands:
            self._report(f"building {revision}: {command.written}")
            words = with_program(command, command.fill({}), self._project, code, is_build=True)
            self._run(
                f"arm {arm}: {revision} cannot be built: {command.written} does not succeed there. "
                f"Correct the `commands` of [build] in {FILE}",
                words,
                code,
            )
        if not self._system.build.commands:
            _link_environments(self._project, code)
        return {
            "commit": revision.commit,
            "took_s": round(time.monotonic() - began, 1),
            "files": _files(worktree, code / _SCENARIOS),
        }

    def _run(self, problem: str, words: Sequence[str], folder: Path) -> None:
        """Run a command to its end. TargetFailure with the problem and its last lines if it fails.

        It has the environment of the shell: what it installs may need settings of the user's.
        """
        inherited = git_environment()
        for name in _OF_ANOTHER_ENVIRONMENT:
            inherited.pop(name, None)
        child: Child = self._children.start(
            words,
            role="build",
            env={**inherited, "PATH": search_path(folder)},
            cwd=folder,
            whole_tree=True,
        )
        try:
            how = self._children.await_end(child, _BUILD_S)
        except BaseException:
            self._children.stop(child)
            raise
        if how is None or child.popen.returncode:
            how = how or f"did not end within {_BUILD_S:g} s"
            raise TargetFailure(f"{problem}. It {how}; its output:\n{child.log_tail()}")

    def _refuse_submodules(self, revision: Revision) -> None:
        found = self._repository.submodules(revision.commit)
        commands = " ".join(command.written for command in self._system.build.commands)
        if found and "submodule" not in commands:
            raise TargetUsageError(
                f"{revision} has the submodule {found[0]}, which a worktree does not hold. Write "
                "git submodule update --init --recursive as the first of the `commands` of [build] "
                "in lab.toml"
            )

    def _name(self, commit: str) -> str:
        """The name of a worktree: git knows it by that, so it is of this project alone."""
        build = self._system.build
        parts = (
            str(self._project),
            *(shlex.join(word.written for word in each.words) for each in build.commands),
            *(() if build.commands else _environments(self._project)),
            self._repository.contents(commit, build.inputs),
            platform.python_version(),  # an environment is of the Python that made it
            os.path.realpath(shutil.which("python3") or sys.executable),
        )
        sealed = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        return f"{commit[:_SHOWN]}-{sealed[:_SHOWN]}"

    def _is_restored(self, worktree: Path, code: Path) -> bool:
        """Whether it is as it was when it was built, once what runs have added is removed."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            built = json.loads(_record(worktree).read_text(encoding="utf-8"))["files"]
            found = _files(worktree, code / _SCENARIOS)
            if any(found.get(path) != state for path, state in built.items()):
                return False
            for path in sorted(found.keys() - built.keys()):  # a folder before what is in it
                if found[path]:
                    (worktree / path).unlink(missing_ok=True)
                elif (worktree / path).exists():
                    shutil.rmtree(worktree / path)
            return code.is_dir()
        return False


def folders_of_files(project: Path, code: Path) -> tuple[Path, Path]:
    """Those of all files of a revision, and of the working tree: not only of the project's own.

    Args:
        project: Its folder, which may be one of its repository.
        code: That of the project in the revision, as `RevisionWorktrees.build` returns it.
    """
    inside = code.relative_to(project / KEPT / _FOLDER).parts[1:]
    up = len(inside)
    return (code.parents[up - 1], project.parents[up - 1]) if up else (code, project)


def lay_scenarios(project: Path, code: Path) -> None:
    """Put the benchmark files of the working tree in the place of those of a revision.

    Raises:
        TargetFailure: A file cannot be copied.
    """
    source, place = project / _SCENARIOS, code / _SCENARIOS
    try:
        if place.is_symlink():
            place.unlink()
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(
            source,
            place,
            ignore=shutil.ignore_patterns("__pycache__"),
            ignore_dangling_symlinks=True,  # as editors make to lock a file
        )
    except OSError as error:
        why = error.strerror
        if isinstance(error, shutil.Error):  # it holds what each of the files failed with
            why = error.args[0][0][-1]
        raise TargetFailure(
            f"{source}: its files cannot be copied to {place} ({why}). Make room, as with lab "
            "clean, or make them readable"
        ) from error


def remove_all(project: Path) -> Iterator[str]:
    """Remove all revisions of a project that were built; the name of each."""
    folder = project / KEPT / _FOLDER
    found = sorted(path for path in folder.glob("*") if path.is_dir())
    repository = GitRepository(project) if found else None
    for worktree in found:
        assert repository is not None
        _remove(worktree, repository.administration(worktree.name))
        yield worktree.name
    shutil.rmtree(folder, ignore_errors=True)


def _record(worktree: Path) -> Path:
    return worktree.with_name(f"{worktree.name}.json")


def _remove(worktree: Path, administration: Path) -> None:
    """Remove a worktree and what git knows of it, locked or not; the record first."""
    _record(worktree).unlink(missing_ok=True)
    for folder in (worktree, administration):
        if folder.is_dir():
            shutil.rmtree(folder)


def _files(worktree: Path, without: Path) -> dict[str, list[int]]:
    """Size in bytes and time of change in nanoseconds of all files below a worktree, by their path.

    Links are not followed. A folder has an empty list: its time changes with what is put there.

    Args:
        worktree: The folder.
        without: A folder in it that is left out, as are those that git and Python keep.
    """
    found: dict[str, list[int]] = {}
    waiting, left_out, begin = [str(worktree)], str(without), len(str(worktree)) + 1
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.name in _NOT_RECORDED or entry.path == left_out:
                    continue
                path = entry.path[begin:]
                if entry.is_dir(follow_symlinks=False):
                    found[path] = []
                    waiting.append(entry.path)
                else:
                    state = entry.stat(follow_symlinks=False)
                    found[path] = [state.st_size, state.st_mtime_ns]
    return found


def _names(text: str, folder: Path) -> bool:
    """Whether a text has a path into a folder, as it is or by a link."""
    begin = r"(?:(?<![\w.])|(?<=-[A-Za-z]))"  # not within another path; -I/folder
    if re.search(rf"{begin}{re.escape(str(folder))}(?![\w.-])", text):
        return True
    paths = (Path(os.path.realpath(found)) for found in _ABSOLUTE_PATH.findall(text))
    return any(path.is_relative_to(folder) for path in paths)


def _environments(code: Path) -> list[str]:
    """Which environments there are in a folder of code."""
    return [name for name in _LINKED if (code / name).is_dir()]


def _link_environments(project: Path, code: Path) -> None:
    """Let a revision use the environment of the working tree, since nothing says how to build."""
    for name in _LINKED:
        if (project / name).is_dir() and not os.path.lexists(code / name):
            (code / name).symlink_to((project / name).resolve(), target_is_directory=True)
