"""Arms: their settings, which are environment variables of the service, and their revisions."""

from __future__ import annotations

import re
from typing import NamedTuple

from lab.input_files import Node, shown

ARM_NAME = re.compile(r"[a-z][a-z0-9-]*")
_SETTING_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
CHANGES_LOADING = re.compile(  # how a process is found, loaded or run
    r"(LD_|DYLD_|PYTHON|PYTEST_|MALLOC_|GLIBC_|PERL5).*"
    r"|PATH|HOME|SHELL|ENV|BASH_ENV|IFS|GCONV_PATH|LOCPATH|NLSPATH|OPENSSL_CONF"
    r"|NODE_OPTIONS|NODE_PATH|RUBYLIB|RUBYOPT|JAVA_TOOL_OPTIONS|JDK_JAVA_OPTIONS"
)
SET_BY_THE_LAB = ("DATABASE_URL",)
REVISION = "git"  # the key
_NO_REVISION = re.compile(r"-.*|.*[\s:?*\\\[\x00-\x1f\x7f].*|.*\.\..*", re.DOTALL)


class ReadArm(NamedTuple):
    """What an arm says."""

    settings: dict[str, str]
    revision: str | None


def read_arms(node: Node) -> dict[str, ReadArm]:
    """The settings of each arm, and the revision of the code that it runs."""
    entries = node.entries(ARM_NAME, "an arm", "wide or short-hold (a-z, 0-9 and -)")
    if not entries:
        raise node.flaw("there is no arm", "Add one.")
    return {arm: _read_arm(child) for arm, child in entries.items()}


def names_revisions(root: Node) -> bool:
    """Whether any arm of a front matter names a revision."""
    arms = root.mapping().get("arms")
    if arms is None or not isinstance(arms.value, dict):
        return False
    return any(isinstance(arm.value, dict) and REVISION in arm.value for arm in arms.value.values())


def _read_arm(node: Node) -> ReadArm:
    own = dict(node.mapping())
    revision = own.pop(REVISION, None)
    settings = {name: _read_setting(child) for name, child in own.items()}
    return ReadArm(settings, None if revision is None else _read_revision(revision))


def _read_revision(node: Node) -> str:
    if node.value is None or isinstance(node.value, bool | dict | list) or not node.written:
        raise node.wrong_type("a revision", node.entry(node.name, "main"))
    if _NO_REVISION.fullmatch(node.written):
        raise node.flaw(
            f"{shown(node.written)} is not one revision",
            "Write a branch, a tag or a commit, or `worktree` for the files as they are now.",
        )
    return node.written


def read_settings(node: Node) -> dict[str, str]:
    """Names of environment variables with their values, as text."""
    return {name: _read_setting(child) for name, child in node.mapping().items()}


def _read_setting(node: Node) -> str:
    _check_setting_name(node)
    if isinstance(node.value, bool):
        return str(node.value).lower()
    if node.value is None or isinstance(node.value, dict | list) or "\n" in node.written:
        raise node.flaw(
            f"{node.title} is not a single value",
            "Write one number, true, false or text on one line ('' for an empty one).",
        )
    return node.written


def _check_setting_name(node: Node) -> None:
    if not _SETTING_NAME.fullmatch(node.name):
        raise node.flaw(
            f"{shown(node.name)} is not the name of a setting",
            "Write it in capitals, digits and _, as in DB_POOL_SIZE.",
        )
    if CHANGES_LOADING.fullmatch(node.name):
        raise node.flaw(
            f"{node.title} changes how a process is loaded",
            "Remove it: an arm may only set what the service itself reads.",
        )
    if node.name in SET_BY_THE_LAB:
        raise node.flaw(f"{node.title} is set by the lab itself, per arm", "Remove it.")
