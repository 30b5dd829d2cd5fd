"""The keys of a benchmark: its file and function, its parameter, its processes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from lab.hypothesis.model import Benchmark, Parameter, ProcessLifetime, Statistic
from lab.hypothesis.parser.load_test import read_lifetime
from lab.hypothesis.parser.scenario import SCENARIOS, checked_path
from lab.input_files import Node, shown
from lab.input_files.quantities import duration_s

MIN_WINDOW_S = 0.02  # of one process
MAX_WINDOW_S = 60.0
_FUNCTION_NAME = re.compile(r"(?:[^\W\d]\w*::)*test\w*")
_PARAMETER_NAME = re.compile(r"[^\W\d]\w*")


def benchmark_keys(project: Path | None) -> dict[str, Callable[[Node], Any]]:
    """The keys with their readers."""
    return {
        "scenario": lambda node: _read_file(node, project),
        "params": _read_parameters,
        "statistic": _read_statistic,
        "database": Node.boolean,
        "trial": _read_window,
        "processes": _read_lifetime,
        "budget": duration_s,
    }


def benchmark_of(values: Mapping[str, Any]) -> Benchmark:
    """What the keys of a benchmark say together."""
    parameter, fixed = values.get("params", (None, {}))
    return Benchmark(
        statistic=values["statistic"],
        window_s=values["trial"],
        budget_s=values["budget"],
        function=values["scenario"][1],
        parameter=parameter,
        fixed_parameters=fixed,
        database=values.get("database", False),
    )


def _read_file(node: Node, project: Path | None) -> tuple[str, str | None]:
    """The path of the file, and the function behind `::`."""
    path, colons, function = node.exact().partition("::")
    if function.endswith("]"):
        raise node.flaw(
            f"{shown(function)} names the values of parameters",
            "Name the function alone, and the values under `params`, as in {depth: [0, 1000]}.",
        )
    if colons and not _FUNCTION_NAME.fullmatch(function):
        raise node.flaw(
            f"{shown(function)} is not the name of a benchmark",
            "Write it as in scenarios/bench_pagination.py::test_page, a method with its class: "
            "::TestPages::test_page.",
        )
    if not PurePosixPath(path).name.startswith("bench_"):
        raise node.flaw(
            f"the scenario {shown(path)} is not a benchmark file",
            f"Name it as in {SCENARIOS}/bench_pagination.py.",
        )
    return checked_path(node, path, project), function or None


def _read_parameters(node: Node) -> tuple[Parameter | None, dict[str, str]]:
    """The parameter that has a list of values, and the one value of each other."""
    entries = node.entries(_PARAMETER_NAME, "a parameter", "depth")
    if not entries:
        raise node.flaw("`params` has no entries", "Name a parameter: {depth: [0, 1000]}.")
    lists = [name for name, values in entries.items() if isinstance(values.value, list)]
    if len(lists) > 1:
        raise entries[lists[1]].flaw(
            f"`params` varies {' and '.join(lists)}",
            f"Vary one of them, and give the other one value: {{{lists[1]}: 10}}.",
        )
    fixed = {name: _read_fixed(value) for name, value in entries.items() if name not in lists}
    if not lists:
        return None, fixed
    return Parameter(lists[0], _read_levels(entries[lists[0]])), fixed


def _read_fixed(node: Node) -> str:
    """The one value of a parameter, as text."""
    if isinstance(node.value, str):
        return node.exact()
    if node.value is None or isinstance(node.value, dict):
        raise node.wrong_type("a value", f"{node.name}: 10, or a list of them: [10, 100]")
    return node.written


def _read_levels(node: Node) -> tuple[float, ...]:
    items = node.sequence()
    if len(items) < 2:
        raise node.flaw(f"{node.title} has fewer than two values", "Add another one.")
    levels = tuple(item.number() for item in items)
    for item, before, level in zip(items[1:], levels, levels[1:], strict=False):
        if level <= before:
            raise item.flaw(
                f"{level:.12g} comes after {before:.12g}", "Write the values in increasing order."
            )
    if levels[0] < 0:
        raise items[0].flaw(f"{levels[0]:g} is not a size", "Start with 0 or more.")
    return levels


def _read_statistic(node: Node) -> Statistic:
    match node.exact():
        case "min" | "median" as statistic:
            return statistic
        case text:
            raise node.flaw(
                f"unknown statistic {shown(text)}",
                "Write min for code that does the same in every round, median for any other.",
            )


def _read_lifetime(node: Node) -> ProcessLifetime:
    lifetime = read_lifetime(node)
    if lifetime == "kept":
        raise node.flaw(
            "the processes of a benchmark cannot be kept",
            "Remove `processes`: a benchmark has fresh ones in each block, always.",
        )
    return lifetime


def _read_window(node: Node) -> float:
    """The seconds that one process measures, from the key `trial`."""
    if "warmup" in node.mapping():
        raise node.at("warmup").flaw(
            "a benchmark has no `warmup`", "Remove it: each process calibrates before it measures."
        )
    window_s: float = node.fields({"window": duration_s})["window"]
    if not MIN_WINDOW_S <= window_s <= MAX_WINDOW_S:
        raise node.at("window").flaw(
            f"the `window` of a benchmark's process is {window_s:g}s",
            f"Write {MIN_WINDOW_S * 1000:g}ms to {MAX_WINDOW_S:g}s.",
        )
    return window_s
