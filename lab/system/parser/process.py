"""The keys of a `[[process]]`."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from typing import Any, NamedTuple

from lab.input_files import Node, shown, suggestion
from lab.input_files.quantities import duration_s
from lab.system.model import RESERVED, ProcessSpec, Stop
from lab.system.parser.commands import read_command, read_template
from lab.system.parser.values import asked_fields, read_answer
from lab.system.placeholders import Template

_NAME = re.compile(r"[a-z][a-z0-9-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SIGNALS = ("SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGKILL")
_OPTIONAL = ("env", "instance", "stop", "loaded", "check")


class ReadProcess(NamedTuple):
    """A process and what is needed to check it beside the others."""

    node: Node
    spec: ProcessSpec
    says_loaded: bool


def read_process(node: Node) -> ReadProcess:
    """One process by itself."""
    readers: dict[str, Callable[[Node], Any]] = {
        "name": read_name,
        "command": read_command,
        "env": _read_env,
        "instance": read_answer,
        "stop": _read_stop,
        "loaded": Node.boolean,
        "check": read_command,
    }
    if "reset" in node.mapping():
        raise node.at("reset").flaw(
            "`reset` stands in a [[process]], and all processes of an arm are reset together",
            "Move it before the first table.",
        )
    values = asked_fields(node, readers, _OPTIONAL)
    is_loaded = values.pop("loaded", False)
    return ReadProcess(node, ProcessSpec(**values), is_loaded)


def read_name(node: Node) -> str:
    """The name of a process, which is its role."""
    name = node.exact()
    if not _NAME.fullmatch(name):
        raise node.flaw(
            f"{shown(name)} is not the name of a process", "Write it like web or job-runner."
        )
    if name in RESERVED:
        raise node.flaw(
            f"{shown(name)} is a name that the lab uses itself",
            f"Choose another one than {', '.join(sorted(RESERVED))}.",
        )
    return name


def _read_env(node: Node) -> dict[str, Template]:
    entries = node.entries(_VARIABLE, "an environment variable", "DATABASE_URL")
    for name, child in entries.items():
        if name.startswith("LAB_"):
            raise child.flaw(
                f"{shown(name)} begins with LAB_, as the lab's own variables do",
                "Choose another name.",
            )
    return {name: read_template(child) for name, child in entries.items()}


def _read_stop(node: Node) -> Stop:
    values = node.fields({"signal": _read_signal, "patience": duration_s}, ("signal", "patience"))
    return Stop(values.get("signal", Stop.signal), values.get("patience", Stop.patience_s))


def _read_signal(node: Node) -> int:
    name = node.exact()
    if name not in _SIGNALS:
        raise node.flaw(
            f"{shown(name)} is not a signal that ends a process", suggestion(name, _SIGNALS)
        )
    return int(signal.Signals[name])
