"""The key `pass`: names of environment variables that the scenario gets."""

from __future__ import annotations

import re

from lab.hypothesis.parser.arms import CHANGES_LOADING, SET_BY_THE_LAB
from lab.input_files import Node, shown
from lab.processes.child_processes import INHERITED

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PROXY = re.compile(r"(https?|all|no|ftp)_proxy", re.IGNORECASE)
_CHANGES_LOCUST = re.compile(r"GEVENT.*|GREENLET_.*")
# Options of Locust that the load, the arms and the lab set, and switches of its own
_OPTION_OF_LOCUST = re.compile(
    "LOCUST_(AUTOQUIT|AUTOSTART|BUILD_PATH|CONFIG_USERS|CSV|CSV_FULL_HISTORY"
    "|ENABLE_OPENTELEMETRY|EXCLUDE_TAGS|EXIT_CODE_ON_ERROR|EXPECT_WORKERS"
    "|EXPECT_WORKERS_MAX_WAIT|HEADFUL|HEADLESS|HOST|HTML|LEGACY_UI|LOCUSTFILE|LOGFILE|LOGLEVEL"
    "|MASTER_BIND_HOST|MASTER_BIND_PORT|MASTER_NODE_HOST|MASTER_NODE_PORT|MODE_MASTER"
    "|MODE_WORKER|ONLY_SUMMARY|PLAYWRIGHT|PRINT_STATS|PROCESSES|RESET_STATS|RUN_TIME"
    "|SKIP_LOG_SETUP|SKIP_MONKEY_PATCH|SKIP_URLLIB3_PATCH|SPAWN_RATE|STATE_STOPPING"
    "|STOP_TIMEOUT|TAGS|TLS_CERT|TLS_KEY|USERCLASS_PICKER|USERS|USER_CLASSES"
    "|WAIT_FOR_WORKERS_REPORT_AFTER_RAMP_UP|WEB_.*|WORKER_.*)"
)


def read_passed(node: Node) -> tuple[str, ...]:
    """The names, each once."""
    items = node.sequence()
    if not items:
        raise node.flaw("`pass` names no variable", "Remove it, or name one: pass: [API_TOKEN].")
    names: list[str] = []
    for item in items:
        name = _read_name(item)
        if name in names:
            raise item.flaw(f"`pass` names {name} twice", "Keep one of the two.")
        names.append(name)
    return tuple(names)


def _read_name(node: Node) -> str:
    name = node.exact()
    if not _NAME.fullmatch(name):
        raise node.flaw(
            f"{shown(name)} is not the name of an environment variable",
            "Write the name alone, in letters, digits and _, as in API_TOKEN.",
        )
    if name in INHERITED:
        raise node.flaw(f"`pass` names {name}, which every process of the lab gets", "Remove it.")
    if why := why_not_passed(name):
        raise node.flaw(
            f"`pass` names {name}, which {why}",
            "Remove it, or let the scenario read a variable of another name.",
        )
    return name


def why_not_passed(name: str) -> str | None:
    """Why a variable cannot be passed, to follow "it"; None if it can."""
    if is_set_by_the_lab(name):
        return "is set or read by the lab itself"
    if CHANGES_LOADING.fullmatch(name) or _CHANGES_LOCUST.fullmatch(name):
        return "changes how a process is loaded or run"
    if _PROXY.fullmatch(name):
        return "would send requests past the arm, through a proxy"
    if _OPTION_OF_LOCUST.fullmatch(name):
        return "is an option of Locust that the lab sets itself"
    return None


def is_set_by_the_lab(name: str) -> bool:
    """Whether a variable means something to the lab, whatever the shell says."""
    return name in SET_BY_THE_LAB or name.startswith("LAB_")
