"""Values that several tables have: paths of requests and of files, names of metrics."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from lab.input_files import Node, shown
from lab.input_files.quantities import duration_s
from lab.system.model import Answer, MetricNames, Ready

ASKED = ("ready", "settings", "metrics")
"""Keys that say how a system is asked: of a process, or of a table that does without."""

_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_SPACE = re.compile(r"\s")


def read_request_path(node: Node) -> str:
    """The path of a request."""
    path = node.exact()
    if not path.startswith("/") or path.startswith("//") or _SPACE.search(path):
        raise node.flaw(
            f"{node.title} is {shown(path)}, not the path of a request",
            'Begin it with one slash, as in "/ready".',
        )
    return path


def read_ready(node: Node) -> Ready:
    """A path, or a group with `path` or `log` and with `within`."""
    if not isinstance(node.value, dict):
        return Ready(path=read_request_path(node))
    readers: dict[str, Callable[[Node], Any]] = {
        "path": read_request_path,
        "log": Node.exact,
        "within": duration_s,
    }
    values = node.fields(readers, readers)
    node.only_one("path", "log")
    if not values.get("within", 1.0) > 0:
        raise node.at("within").flaw("`within` must be longer than 0s", "Write 1s or more.")
    return Ready(values.get("path"), values.get("log"), values.get("within", Ready.within_s))


def read_answer(node: Node) -> Answer:
    """A path and, after #, the keys down to a value of the JSON document that it answers with."""
    path, _, keys = node.exact().partition("#")
    if not path.startswith("/") or _SPACE.search(path):
        raise node.flaw(
            f"{node.title} is {shown(node.exact())}, not the path of a request",
            'Write the path, and after # the keys down to the value: "/ready#settings".',
        )
    parts = tuple(keys.split(".")) if keys else ()
    if not all(parts):
        raise node.flaw(f"{node.title} has an empty key after #", 'Write "/ready#settings".')
    return Answer(path, parts)


def read_metrics(node: Node) -> tuple[str, MetricNames]:
    """The path of the metrics, and the names of those that gates need."""
    if not isinstance(node.value, dict):
        return read_request_path(node), MetricNames()
    readers: dict[str, Callable[[Node], Any]] = {
        "path": read_request_path,
        "requests": _read_metric,
        "time": _read_metric,
        "in_flight": _read_metric,
    }
    values = node.fields(readers, ("requests", "time", "in_flight"))
    path = values.pop("path")
    return path, MetricNames(**values)


def asked_fields(
    node: Node, readers: Mapping[str, Callable[[Node], Any]], optional: Iterable[str]
) -> dict[str, Any]:
    """The values of a table that may have the keys of `ASKED` as well.

    Args:
        node: The table.
        readers: Of its other keys.
        optional: Those of them that may be missing.
    """
    asked = {"ready": read_ready, "settings": read_answer, "metrics": read_metrics}
    values = node.fields({**readers, **asked}, (*optional, *ASKED))
    if "metrics" in values:
        values["metrics"], values["metric_names"] = values["metrics"]
    return values


def read_file(node: Node, project: Path, *, folder: bool = False) -> str:
    """The path of a file of the project that exists, or of a folder if that is permitted."""
    text = node.exact()
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts:
        raise node.flaw(
            f"{node.title} is {shown(text)}, which is not inside the project",
            "Write a path from the folder of lab.toml, without `..`.",
        )
    found = project / path
    if not (found.exists() if folder else found.is_file()):
        raise node.flaw(
            f"{node.title} is {shown(text)}, and there is no such file",
            "Write a path from the folder of lab.toml.",
        )
    return str(path)


def read_texts(node: Node, read: Callable[[Node], str] = Node.exact) -> tuple[str, ...]:
    """A list of texts, each once."""
    texts: list[str] = []
    for item in node.sequence():
        text = read(item)
        if text in texts:
            raise item.flaw(f"{node.title} names {shown(text)} twice", "Keep one of the two.")
        texts.append(text)
    return tuple(texts)


def read_port(node: Node) -> int:
    """A port."""
    return node.integer(1, 65535)


def _read_metric(node: Node) -> str:
    name = node.exact()
    if not _METRIC.fullmatch(name):
        raise node.flaw(
            f"{node.title} is {shown(name)}, not the name of a metric",
            'Write the name alone, without labels: "http_requests_total".',
        )
    return name
