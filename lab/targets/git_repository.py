"""The git repository of a project: its revisions as commits, the working tree as one more."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from lab.targets.target_interface import TargetUsageError

WORKTREE = "worktree"  # the files as they are now, committed or not
_ANSWER_S = 300.0
_SHOWN = 400  # characters of what git says
_LINE = 72  # characters of a message
_SUBMODULE = "160000"  # the mode of its entry in a tree
_OF_THE_LAB = ("lab.toml", "reports", "hypotheses", "scenarios", ".lab")  # never of a revision
_ALWAYS_THE_SAME = {  # so that the same files are the same commit
    **{f"GIT_{who}_NAME": "lab" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "lab@localhost" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_DATE": "2000-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")},
}


class GitRepository:
    """The repository that a project is in; TargetUsageError if there is none.

    Args:
        project: The folder of the project.
        written: Files that a command writes: no part of what is measured, wherever they are.

    Attributes:
        top: Its folder.
        prefix: The path of the project in it; "" if it is the same folder.
    """

    def __init__(self, project: Path, written: Iterable[Path] = ()) -> None:
        self._project = project
        top = self._ask("rev-parse", "--show-toplevel")
        if top is None:
            raise TargetUsageError(
                f"{project}: arms name revisions of git, and git finds no repository here "
                f"({self._why('rev-parse', '--show-toplevel')}). Run the lab in a clone, or make "
                "one: git init"
            )
        self.top = Path(top)
        self.prefix = self._answer("rev-parse", "--show-prefix").rstrip("/")
        files = (file.resolve() for file in written)
        inside = [file.relative_to(self.top) for file in files if file.is_relative_to(self.top)]
        own = [Path(self.prefix, name) for name in _OF_THE_LAB]
        self._not_measured = [path.as_posix() for path in (*own, *inside)]
        without = [f":(top,exclude){path}" for path in self._not_measured]
        self._measured = (":/", *without)

    def commit(self, revision: str) -> str:
        """The commit that a revision is now; of `worktree` one that is made of the files.

        Raises:
            TargetUsageError: There is none, as in a clone without history.
        """
        if revision == WORKTREE:
            self._refuse_changed_submodules()
            return self._snapshot()
        found = self._ask("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        if found is None:
            raise TargetUsageError(f"{self.top}: {self._unknown(revision)}")
        return found

    def has(self, commit: str) -> bool:
        """Whether a commit is in this clone."""
        return self._ask("cat-file", "-e", f"{commit}^{{commit}}") is not None

    def merge_base(self, a: str, b: str) -> str:
        """The commit from which two revisions went apart. TargetUsageError if there is none."""
        found = self._ask("merge-base", self.commit(a), self.commit(b))
        if found is None:
            raise TargetUsageError(
                f"{self.top}: {a} and {b} have no common commit here. Write two dots to compare "
                "the two themselves, or fetch their history: git fetch --unshallow"
            )
        return found

    def subject(self, commit: str) -> str:
        """The first line of its message, fit for a terminal."""
        line = self._answer("log", "-1", "--format=%s", commit)
        return "".join(each if each.isprintable() else "?" for each in line)[:_LINE]

    def tree(self, commit: str) -> str:
        """What names the files of a commit: equal if all of them are."""
        return self._answer("rev-parse", "--verify", f"{commit}^{{tree}}")

    def differ(self, a: str, b: str) -> bool:
        """Whether files differ between two commits, those of the lab aside."""
        changed = self._answer("diff-tree", "-r", "--name-only", a, b, "--", *self._measured)
        return bool(changed)

    def is_dirty(self) -> bool:
        """Whether files differ from HEAD, those of the lab aside."""
        return bool(self._answer("status", "--porcelain", "--", *self._measured))

    def submodules(self, commit: str) -> list[str]:
        """The paths of the submodules of a commit."""
        entries = self._answer("ls-tree", "-r", "--full-tree", commit).splitlines()
        return [entry.split("\t")[1] for entry in entries if entry.startswith(_SUBMODULE)]

    def contents(self, commit: str, paths: Iterable[str]) -> str:
        """What names the contents of these files of the project in a commit."""
        wanted = list(paths)
        return self._answer("ls-tree", commit, "--", *wanted) if wanted else ""

    def administration(self, name: str) -> Path:
        """The folder in which git keeps what it knows of a worktree with a folder of this name."""
        common = Path(self._project, self._answer("rev-parse", "--git-common-dir"))
        return common.resolve() / "worktrees" / name

    def _snapshot(self) -> str:
        """A commit of the files as they are, with those of the lab as in HEAD; HEAD if equal."""
        head = self.commit("HEAD")
        paths = [f":(top){path}" for path in self._not_measured]
        with TemporaryDirectory(prefix="lab-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder, "index"))}  # the user's own is left alone
            self._answer("read-tree", head, more=index)
            self._answer("add", "--all", "--", ":/", more=index)
            self._answer("reset", "--quiet", head, "--", *paths, more=index)
            tree = self._answer("write-tree", more=index)
        if tree == self.tree(head):
            return head
        message = f"the files of {self.top.name} that are not committed"
        return self._answer("commit-tree", tree, "-p", head, "-m", message, more=_ALWAYS_THE_SAME)

    def _refuse_changed_submodules(self) -> None:
        """What is edited in a submodule is in no commit that could be made here."""
        for line in self._answer("status", "--porcelain=v2", "--untracked-files=no").splitlines():
            number, _, submodule, *rest = line.split(" ", 8)
            if number == "1" and submodule[0] == "S" and set("MU") & set(submodule[2:]):
                raise TargetUsageError(
                    f"{self.top}: the submodule {rest[-1]} has changes that are not committed, and "
                    f"`{WORKTREE}` cannot hold them. Commit them there"
                )

    def _unknown(self, revision: str) -> str:
        if self._ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}") is None:
            return "there is no commit yet. Commit the code first"
        if self._ask("rev-parse", "--is-shallow-repository") == "true":
            return (
                f"there is no revision `{revision}` in this clone, which is shallow: it has no "
                "history. Run git fetch --unshallow; for actions/checkout, write fetch-depth: 0"
            )
        remote = f"origin/{revision}"
        if self._ask("rev-parse", "--verify", "--quiet", f"{remote}^{{commit}}") is not None:
            return f"there is no revision `{revision}`, but there is `{remote}`. Write that"
        return f"there is no revision `{revision}`. git branch --all and git tag list what there is"

    def _ask(self, *arguments: str) -> str | None:
        """What git answers; None if it refuses."""
        done = self._run(arguments)
        return done.stdout.strip() if done.returncode == 0 else None

    def _answer(self, *arguments: str, more: Mapping[str, str] | None = None) -> str:
        """What git answers; TargetUsageError if it refuses."""
        done = self._run(arguments, more)
        if done.returncode:
            raise TargetUsageError(
                f"{self._project}: git {arguments[0]} failed: {_one_line(done.stderr)}"
            )
        return done.stdout.strip()

    def _why(self, *arguments: str) -> str:
        return _one_line(self._run(arguments).stderr)

    def _run(
        self, arguments: Iterable[str], more: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                ["git", "-C", str(self._project), *arguments],
                env={**environment(), **(more or {})},
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_ANSWER_S,
                check=False,
            )
        except FileNotFoundError:
            raise TargetUsageError(
                "arms name revisions, and there is no program `git` on this machine. Install it"
            ) from None
        except subprocess.TimeoutExpired:
            raise TargetUsageError(
                f"{self._project}: git {next(iter(arguments))} does not answer within "
                f"{_ANSWER_S:g} s. Look whether another git holds a lock"
            ) from None


def environment() -> dict[str, str]:
    """The environment of a git command: not that of a hook that the lab may be run by."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    own = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C.UTF-8"}
    return {**inherited, **own}


def _one_line(text: str) -> str:
    """What git says, whose last lines are often what to do."""
    said = " ".join(text.split())
    return (said if len(said) <= _SHOWN else f"{said[:_SHOWN]}...") or "it said nothing"
