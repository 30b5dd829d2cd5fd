"""Whether every placeholder has a value, and none is where it makes no sense."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import NoReturn

from lab.input_files import Node, shown
from lab.system.model import ComposeSpec, PostgresSpec
from lab.system.parser.process import ReadProcess
from lab.system.placeholders import (
    ADDRESS_OF,
    ARM_FOLDER,
    FD,
    PORT,
    POSTGRES,
    Command,
    is_setting,
)

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")


def check_placeholders(
    root: Node,
    processes: Sequence[ReadProcess],
    postgres: PostgresSpec | None,
    reset: Command | None,
    compose: ComposeSpec | None,
) -> None:
    """Raises `Flaw` at the first placeholder that has no value.

    Args:
        root: The keys of the file.
        processes: All of them.
        postgres: What `[postgres]` says; None if there is no such table.
        reset: The command that resets the processes of an arm; None if there is none.
        compose: What `[compose]` says; None if there is no such table.
    """
    with_port = [each.spec.name for each in processes if each.spec.has_port]
    addresses = _addresses(with_port)
    names = {each.spec.name: each.node for each in processes}
    of_arm = [ARM_FOLDER, *addresses, *(POSTGRES if postgres is not None else ())]
    for process in processes:
        known = [PORT, FD, *of_arm]
        for node, found in _texts(process):
            for name in found:
                _check(node, name, known, names)
        _refuse_both(process)
        if process.spec.check is not None:
            _refuse_any(process.node.at("check"), process.spec.check.placeholders)
    if postgres is not None and postgres.prepare is not None:
        for name in postgres.prepare.placeholders:
            _check(root.at("postgres", "prepare"), name, POSTGRES, {})
    for name in () if reset is None else reset.placeholders:
        _check(root.at("reset"), name, of_arm, names)
    if compose is not None and compose.reset is not None:
        known = _addresses(compose.asked)
        known += () if compose.database is None else POSTGRES
        for name in compose.reset.placeholders:
            _check_in_compose(root.at("compose", "reset"), name, known)


def _addresses(names: Iterable[str]) -> list[str]:
    return [f"{name}{part}" for name in names for part in ADDRESS_OF]


def _texts(process: ReadProcess) -> Iterator[tuple[Node, Iterable[str]]]:
    node, spec, _ = process
    yield node.at("command"), spec.command.placeholders
    for name, value in spec.env.items():
        yield node.at("env", name), value.placeholders


def _check(node: Node, name: str, known: Sequence[str], processes: Mapping[str, Node]) -> None:
    if name in known or is_setting(name):
        return
    if name in POSTGRES:
        raise node.flaw(
            f"{{{name}}} has no value: there is no table [postgres]",
            "Add one, which may be empty.",
        )
    owner, _, part = name.rpartition(".")
    if f".{part}" in ADDRESS_OF and owner in processes:
        raise node.flaw(
            f"{{{name}}} is of process {shown(owner)}, which has no port",
            "Put {port} into the command of that process, where it takes the port to listen on.",
        )
    if not _NAME.fullmatch(name):
        raise node.flaw(
            f"{shown(f'{{{name}}}')} is not a placeholder",
            "Double a brace that is meant as itself, as in {{ and }}.",
        )
    _refuse_unknown(node, name, known)


def _check_in_compose(node: Node, name: str, known: Sequence[str]) -> None:
    if name in known or is_setting(name):
        return
    if name in POSTGRES:
        raise node.flaw(
            f"{{{name}}} has no value: [compose] names no `database`",
            'Name the service that runs PostgreSQL: database = "db".',
        )
    _refuse_unknown(node, name, known)


def _refuse_unknown(node: Node, name: str, known: Sequence[str]) -> NoReturn:
    braces = ", ".join(f"{{{each}}}" for each in known)
    near = get_close_matches(name.lower(), known, n=1)
    meant = f"Did you mean {{{near[0]}}}? " if near else ""
    raise node.flaw(
        f"unknown placeholder {{{name}}}",
        f"{meant}There are {braces}, and the settings of an arm in capitals, as in {{WORKERS}}.",
    )


def _refuse_both(process: ReadProcess) -> None:
    """A program that binds a port cannot bind the one of a socket that it inherits."""
    node, spec, _ = process
    if PORT in spec.placeholders and FD in spec.placeholders:
        raise node.at("command").flaw(
            f"process {shown(spec.name)} has both {{port}} and {{fd}}",
            "Keep {port} for a program that binds a port, {fd} for one that inherits a socket.",
        )


def _refuse_any(node: Node, names: Iterable[str]) -> None:
    for name in names:
        raise node.flaw(
            f"`check` has the placeholder {{{name}}}",
            "Remove it: the command runs once for all arms, and nothing is started then.",
        )
