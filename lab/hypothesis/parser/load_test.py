"""The keys of a load test: those of a service, its trials and its budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lab.hypothesis.model import LoadTest, ProcessLifetime
from lab.hypothesis.parser.service_keys import service_keys
from lab.input_files import Node, shown
from lab.input_files.quantities import duration_s

MIN_WINDOW_S = 1.0


def load_test_keys(project: Path | None) -> dict[str, Callable[[Node], Any]]:
    """The keys with their readers."""
    return {
        **service_keys(project),
        "trial": _read_trial,
        "processes": read_lifetime,
        "budget": duration_s,
    }


def load_test_of(values: Mapping[str, Any]) -> LoadTest:
    """What the keys of a load test say together."""
    warmup_s, window_s = values["trial"]
    return LoadTest(values["load"], warmup_s, window_s, values["budget"], values.get("processes"))


def read_lifetime(node: Node) -> ProcessLifetime:
    """Whether arms get fresh processes before each block."""
    match node.exact():
        case "fresh" | "kept" as lifetime:
            return lifetime
        case text:
            raise node.flaw(
                f"`processes` is {shown(text)}",
                "Write fresh, for new processes of all arms before each block, or kept.",
            )


def _read_trial(node: Node) -> tuple[float, float]:
    """Warm-up and window, seconds."""
    values = node.fields({"warmup": duration_s, "window": duration_s})
    if values["window"] < MIN_WINDOW_S:
        raise node.at("window").flaw("the `window` is shorter than a second", "Write 1s or more.")
    return values["warmup"], values["window"]
