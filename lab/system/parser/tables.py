"""The tables of `lab.toml` beside its processes."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lab.input_files import Node, shown
from lab.input_files.quantities import duration_s, rate_per_second
from lab.system.model import BuildSpec, ComposeSpec, PostgresSpec, SafetySpec, UrlSpec
from lab.system.parser.commands import read_command
from lab.system.parser.values import asked_fields, read_file, read_port, read_texts

_SERVICE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]*")
_HOST = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?")
_MAX_USERS = 200_000

Readers = dict[str, Callable[[Node], Any]]


def read_postgres(node: Node, project: Path) -> PostgresSpec:
    """The table `[postgres]`, which may be empty."""
    readers: Readers = {"prepare": read_command, "reset": lambda each: _read_sql(each, project)}
    return PostgresSpec(**node.fields(readers, readers))


def read_build(node: Node, project: Path) -> BuildSpec:
    """The table `[build]`."""
    readers: Readers = {
        "commands": lambda each: tuple(read_command(item) for item in each.sequence()),
        "inputs": lambda each: read_texts(each, lambda item: read_file(item, project)),
    }
    values = node.fields(readers, ("inputs",))
    if not values["commands"]:
        raise node.at("commands").flaw("`commands` is empty", "Add one, or remove [build].")
    return BuildSpec(**values)


def read_compose(node: Node, project: Path) -> ComposeSpec:
    """The table `[compose]`."""
    readers: Readers = {
        "file": lambda each: read_file(each, project),
        "service": _read_service,
        "port": read_port,
        "others": _read_others,
        "database": _read_service,
        "reset": read_command,
    }
    spec = ComposeSpec(**asked_fields(node, readers, ("others", "database", "reset")))
    for key, names in (("others", spec.others), ("database", (spec.database,))):
        if spec.service in names:
            raise node.at(key).flaw(
                f"`{key}` names {shown(spec.service)}, the service that is loaded", "Remove it."
            )
    return spec


def read_url(node: Node) -> UrlSpec:
    """The table `[url]`."""
    readers: Readers = {
        "base": _read_base,
        "switch": read_command,
        "reset": read_command,
        "processes": Node.boolean,
    }
    spec = UrlSpec(**asked_fields(node, readers, ("switch", "reset", "processes")))
    if spec.ready.log is not None:
        raise node.at("ready").flaw(
            "`ready` is a line of a log, and the log of a URL cannot be seen", "Write a path."
        )
    if spec.processes and not spec.is_here:
        raise node.at("processes").flaw(
            f"`processes` is true, and {spec.host} is another machine",
            "Remove it: processes of other machines cannot be seen.",
        )
    for key, command in (("switch", spec.switch), ("reset", spec.reset)):
        if command is not None and (names := command.placeholders):
            raise node.at(key).flaw(
                f"`{key}` has the placeholder {{{names[0]}}}",
                "Remove it: the command gets the arm's settings as environment variables.",
            )
    return spec


def read_safety(node: Node) -> SafetySpec:
    """The table `[safety]`."""
    readers: Readers = {
        "allow_hosts": lambda each: read_texts(each, _read_host),
        "max_users": lambda each: each.integer(1, _MAX_USERS),
        "max_rate": _read_rate,
        "max_time": duration_s,
    }
    values = node.fields(readers, readers)
    if "max_time" in values:
        values["max_time_s"] = values.pop("max_time")
    return SafetySpec(**values)


def refuse_forbidden_host(node: Node, url: UrlSpec, safety: SafetySpec) -> None:
    """Raises `Flaw` if the host of a URL is neither this machine nor one that may be loaded."""
    if not url.is_here and url.host not in map(str.lower, safety.allow_hosts):
        raise node.at("base").flaw(
            f"{shown(url.host)} is not this machine, and not a host that may be loaded",
            f'If you may load it, write allow_hosts = ["{url.host}"] into [safety].',
        )


def _read_sql(node: Node, project: Path) -> str:
    if not node.exact().endswith(".sql"):
        raise node.flaw(
            f"{node.title} is {shown(node.exact())}, not an SQL script",
            'Write the path of one: reset = "reset.sql". A command stands before the first table.',
        )
    return read_file(node, project)


def _read_service(node: Node) -> str:
    name = node.exact()
    if not _SERVICE.fullmatch(name):
        raise node.flaw(
            f"{shown(name)} is not the name of a service", "Write it as in the Compose file."
        )
    return name


def _read_others(node: Node) -> dict[str, int]:
    entries = node.entries(_SERVICE, "a service", "quotes = 8001")
    return {name: read_port(child) for name, child in entries.items()}


def _read_base(node: Node) -> str:
    text = node.exact()
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise node.flaw(
            f"{shown(text)} is not a URL", 'Write base = "http://127.0.0.1:8000".'
        ) from None
    if parts.scheme != "http" or not parts.hostname or port == 0:
        raise node.flaw(
            f"{shown(text)} is not a URL that begins with http:// and a host",
            'Write base = "http://127.0.0.1:8000".',
        )
    if parts.username is not None or parts.query or parts.fragment or parts.path.strip("/"):
        raise node.flaw(
            f"{shown(text)} has more than a host and a port",
            "Leave user, path and query out: paths belong into the scenario.",
        )
    return f"http://{parts.netloc}"


def _read_host(node: Node) -> str:
    host = node.exact()
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if not _HOST.fullmatch(host):
            raise node.flaw(
                f"{shown(host)} is not the name or the address of a host",
                'Write it alone, without http:// and port: "staging.example.org".',
            ) from None
    return host


def _read_rate(node: Node) -> float:
    rate = rate_per_second(node)
    if rate <= 0:
        raise node.flaw(f"{node.title} is not above 0", "Write a number a second, as in 500.")
    return rate
