"""Arms and their settings: environment variables that the service reads."""

from __future__ import annotations

import re

from lab.input_files import Node, shown

ARM_NAME = re.compile(r"[a-z][a-z0-9-]*")
_SETTING_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
CHANGES_LOADING = re.compile(  # how a process is found, loaded or run
    r"(LD_|DYLD_|PYTHON|PYTEST_|MALLOC_|GLIBC_|PERL5).*"
    r"|PATH|HOME|SHELL|ENV|BASH_ENV|IFS|GCONV_PATH|LOCPATH|NLSPATH|OPENSSL_CONF"
    r"|NODE_OPTIONS|NODE_PATH|RUBYLIB|RUBYOPT|JAVA_TOOL_OPTIONS|JDK_JAVA_OPTIONS"
)
SET_BY_THE_LAB = ("DATABASE_URL",)


def read_arms(node: Node) -> dict[str, dict[str, str]]:
    """The settings of each arm."""
    entries = node.entries(ARM_NAME, "an arm", "wide or short-hold (a-z, 0-9 and -)")
    if not entries:
        raise node.flaw("there is no arm", "Add one.")
    return {arm: read_settings(child) for arm, child in entries.items()}


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
