"""The keys of every kind of hypothesis that puts load on a service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lab.hypothesis.model import Allow, Limits
from lab.hypothesis.parser.load_shape import read_load
from lab.hypothesis.parser.measures import read_measures
from lab.hypothesis.parser.scenario import read_scenario
from lab.input_files import Node
from lab.input_files.quantities import share

Reader = Callable[[Node], Any]


def service_keys(project: Path | None) -> dict[str, Reader]:
    """The keys with their readers."""
    return {
        "scenario": lambda node: read_scenario(node, project),
        "load": read_load,
        "measures": read_measures,
        "allow": read_allow,
        "limits": lambda node: Limits(**node.fields({"target_cpu": share}, ("target_cpu",))),
    }


def read_allow(node: Node, more: Mapping[str, Reader] | None = None) -> Allow:
    """What is allowed; `more` are the keys of one kind only."""
    readers = {"error_rate": share, "unsent": share, **(more or {})}
    return Allow(**node.fields(readers, readers))
