"""The check that what is passed to a benchmark is not set by an arm as well."""

from __future__ import annotations

from collections.abc import Iterator

from lab.hypothesis.model import Benchmark, Hypothesis
from lab.input_files import Flaw, Node


def passed_flaws(hypothesis: Hypothesis, root: Node) -> Iterator[Flaw]:
    """Of a service, settings reach another process than the variables that are passed."""
    if not isinstance(hypothesis.kind, Benchmark):
        return
    for i, name in enumerate(hypothesis.passed):
        arms = [arm for arm, settings in hypothesis.arms.items() if name in settings]
        if arms:
            yield root.at("pass", i).flaw(
                f"{name} is passed, and set by arm {arms[0]} as well", "Keep one of the two."
            )
