"""The keys at the root of `lab.toml`, and what processes and tables say together."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Sequence
from pathlib import Path
from typing import Any

from lab.input_files import Node, shown
from lab.system.model import SafetySpec, System
from lab.system.parser.commands import read_command
from lab.system.parser.placeholder_check import check_placeholders
from lab.system.parser.process import ReadProcess, read_process
from lab.system.parser.tables import (
    read_build,
    read_compose,
    read_postgres,
    read_safety,
    read_url,
    refuse_forbidden_host,
)
from lab.system.parser.values import ASKED, read_file, read_texts

_PACKAGE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_NEEDS_A_PORT = ("settings", "instance", "metrics")


def parse_system(root: Node, project: Path) -> System:
    """The system that the keys describe.

    Args:
        root: The keys of the file.
        project: The folder of the file, which must hold the files that it names.

    Raises:
        Flaw: A key is unknown, missing or wrong, or two of them do not fit together.
    """
    readers: dict[str, Callable[[Node], Any]] = {
        "code": lambda node: read_texts(node, lambda item: read_file(item, project, folder=True)),
        "packages": lambda node: read_texts(node, _read_package),
        "reset": read_command,
        "process": lambda node: [read_process(item) for item in _processes(node)],
        "postgres": lambda node: read_postgres(node, project),
        "build": lambda node: read_build(node, project),
        "compose": lambda node: read_compose(node, project),
        "url": read_url,
        "safety": read_safety,
    }
    values = root.fields(readers, readers)
    processes: list[ReadProcess] = values.pop("process", [])
    if not processes and "compose" not in values and "url" not in values:
        raise root.flaw(
            "this describes no system: there is no process, no Compose file and no URL",
            'Add [[process]] with name = "web" and command = "... --port {port}".',
        )
    _refuse_same_names(processes)
    if "reset" in values and not processes:
        raise root.at("reset").flaw(
            "`reset` stands at the root, and there is no [[process]] that it would reset",
            "Move it into [compose] or [url].",
        )
    more = [values.get(key) for key in ("postgres", "reset", "compose")]
    check_placeholders(root, processes, *more)
    for process in processes:
        _check_port(process)
    _refuse_second_check(processes)
    loaded = _loaded(processes)
    in_compose = values["compose"].service if "compose" in values else None
    _refuse_unread_metrics(processes, {loaded and loaded.spec.name, in_compose})
    if "compose" in values:
        _check_others(root.at("compose"), values["compose"].others, processes)
        _refuse_asked_twice(root.at("compose"), loaded)
    if "url" in values:
        refuse_forbidden_host(root.at("url"), values["url"], values.get("safety", SafetySpec()))
    return System(
        processes=tuple(process.spec for process in processes),
        loaded=loaded.spec.name if loaded else "",
        **values,
    )


def _processes(node: Node) -> list[Node]:
    if isinstance(node.value, dict):
        raise node.flaw(
            "`process` is one table, and there may be several",
            "Write its name in two brackets: [[process]].",
        )
    return node.sequence()


def _read_package(node: Node) -> str:
    name = node.exact()
    if not _PACKAGE.fullmatch(name):
        raise node.flaw(
            f"{shown(name)} is not the name of a package", "Write the name alone, as in fastapi."
        )
    return name


def _refuse_same_names(processes: Iterable[ReadProcess]) -> None:
    first: dict[str, int] = {}
    for node, spec, _ in processes:
        name = node.at("name")
        if spec.name in first:
            raise name.flaw(
                f"a second process is named {shown(spec.name)}",
                f"Choose another name; the first is in line {first[spec.name]}.",
            )
        first[spec.name] = name.line


def _check_port(process: ReadProcess) -> None:
    """Raises `Flaw` if a process is asked for something and has no port."""
    node, spec, _ = process
    if spec.has_port:
        return
    keys = [key for key in _NEEDS_A_PORT if key in node.mapping()]
    if spec.ready.path is not None:
        keys.append("ready")
    if keys:
        raise node.at(keys[0]).flaw(
            f"`{keys[0]}` asks process {shown(spec.name)}, which has no port",
            "Put {port} into its command, where it takes the port to listen on, or {fd}.",
        )


def _refuse_second_check(processes: Sequence[ReadProcess]) -> None:
    checks = [process.node.at("check") for process in processes if process.spec.check]
    if len(checks) > 1:
        raise checks[1].flaw(
            "a second process has a `check`", "Keep one, which knows the settings of all processes."
        )


def _loaded(processes: Sequence[ReadProcess]) -> ReadProcess | None:
    """The process that load goes to: the one that says so, otherwise the last."""
    if not processes:
        return None
    said = [process for process in processes if process.says_loaded]
    if len(said) > 1:
        raise (
            said[1]
            .node.at("loaded")
            .flaw(
                f"load goes to {shown(said[1].spec.name)} and to {shown(said[0].spec.name)}",
                "Keep `loaded = true` of one of them.",
            )
        )
    process = said[0] if said else processes[-1]
    if not process.spec.has_port:
        raise process.node.at("command").flaw(
            f"load goes to {shown(process.spec.name)}, which has no port of its own: arms run side "
            "by side, so the lab has to choose it",
            "Put {port} into the command or its env, or {fd} for a socket that it inherits; or "
            "write loaded = true into another process.",
        )
    return process


def _refuse_unread_metrics(processes: Sequence[ReadProcess], loaded: Container[str | None]) -> None:
    for process in processes:
        if process.spec.name not in loaded and process.spec.metrics is not None:
            raise process.node.at("metrics").flaw(
                f"load goes to another process than {shown(process.spec.name)}, and the metrics of "
                "that one alone are read",
                "Remove `metrics` here, or write loaded = true into this process.",
            )


def _refuse_asked_twice(compose: Node, loaded: ReadProcess | None) -> None:
    for key in ASKED if loaded is not None else ():
        if key in compose.mapping():
            raise compose.at(key).flaw(
                f"`{key}` stands in [compose], and there is a [[process]], which says it for both",
                "Move it there.",
            )


def _check_others(node: Node, others: Iterable[str], processes: Sequence[ReadProcess]) -> None:
    names = [process.spec.name for process in processes]
    for name in others:
        if name not in names:
            raise node.at("others", name).flaw(
                f"there is no process named {shown(name)}, which says how it is asked",
                f"Name one of {', '.join(names)}." if names else "Remove it.",
            )
