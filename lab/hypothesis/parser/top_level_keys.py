"""The keys at the root of the front matter, which differ from kind to kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lab.hypothesis.model import Allow, Benchmark, Hypothesis, Limits, LoadTest, SoakTest
from lab.hypothesis.parser.arms import names_revisions, read_arms, read_settings
from lab.hypothesis.parser.benchmark import benchmark_keys, benchmark_of
from lab.hypothesis.parser.load_test import load_test_keys, load_test_of
from lab.hypothesis.parser.passed_variables import read_passed
from lab.hypothesis.parser.predictions import read_predictions, read_rivals
from lab.hypothesis.parser.soak_test import soak_test_keys, soak_test_of
from lab.input_files import Node, shown, suggestion

Reader = Callable[[Node], Any]
Values = Mapping[str, Any]

OPTIONAL = (
    *("settings", "pass", "measures", "allow", "limits"),
    *("params", "database", "processes"),
    *("length", "soak", "exhaustion"),
)

_KEYS: Mapping[str, Callable[[Path | None], dict[str, Reader]]] = {
    LoadTest.name: load_test_keys,
    Benchmark.name: benchmark_keys,
    SoakTest.name: soak_test_keys,
}
_KINDS: Mapping[str, Callable[[Values], LoadTest | Benchmark | SoakTest]] = {
    LoadTest.name: load_test_of,
    Benchmark.name: benchmark_of,
    SoakTest.name: soak_test_of,
}


def parse_hypothesis(root: Node, project: Path | None, **of_file: str) -> Hypothesis:
    """What the keys of a file say, each by itself; its `claim_digest` is still empty.

    Args:
        root: The front matter.
        project: The folder that must hold the scenario; None if that is not to be checked.
        of_file: The fields of a hypothesis that are not in its front matter.

    Raises:
        Flaw: If a key is unknown, missing or wrong.
    """
    kind = _read_kind(root.at("kind")) if "kind" in root.mapping() else LoadTest.name
    keys = _keys(kind, project)
    _refuse_keys_of_other_kinds(root, kind, keys)
    # a comparison of revisions asks whether, not why: it has no other explanation to exclude
    without_rivals = ("rivals",) if names_revisions(root) else ()
    values = root.fields(keys, (*OPTIONAL, *without_rivals))
    settings = values.get("settings", {})
    scenario = values["scenario"]
    return Hypothesis(
        question=values["question"],
        claim=values["claim"],
        kind=_KINDS[kind](values),
        scenario=scenario[0] if isinstance(scenario, tuple) else scenario,
        settings=settings,
        passed=values.get("pass", ()),
        arms={arm: {**settings, **own.settings} for arm, own in values["arms"].items()},
        revisions={arm: own.revision for arm, own in values["arms"].items() if own.revision},
        control=values["control"],
        measures=values.get("measures", {}),
        allow=values.get("allow", Allow()),
        limits=values.get("limits", Limits()),
        predictions=values["predictions"],
        rivals=values.get("rivals", ()),
        claim_digest="",
        **of_file,
    )


def _keys(kind: str, project: Path | None) -> dict[str, Reader]:
    """The keys of a hypothesis of this kind, each with its reader, in the order of a file."""
    return {
        "question": Node.text,
        "claim": Node.text,
        "kind": _read_kind,
        **_KEYS[kind](project),
        "pass": read_passed,
        "settings": read_settings,
        "arms": read_arms,
        "control": Node.exact,
        "predictions": read_predictions,
        "rivals": read_rivals,
    }


def _refuse_keys_of_other_kinds(root: Node, kind: str, keys: Mapping[str, Reader]) -> None:
    """What resembles such a key most may be something else altogether."""
    for key, node in root.mapping().items():
        others = [other for other in _KINDS if key in _keys(other, None)]
        if key not in keys and others:
            belongs = " and ".join(others)
            raise node.flaw(
                f"unknown key {shown(key)}", f"Remove it: it belongs to {belongs}, not to {kind}."
            )


def _read_kind(node: Node) -> str:
    kind = node.text()
    if kind not in _KINDS:
        raise node.flaw(f"unknown kind {shown(kind)}", suggestion(kind, _KINDS))
    return kind
