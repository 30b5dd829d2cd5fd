"""Soaks: blocks enough for what is compared, what a script cannot do, slopes of soaks only."""

from __future__ import annotations

from collections.abc import Iterator

from lab.hypothesis.measure_names import parse_measure
from lab.hypothesis.model import MIN_BLOCKS, Hypothesis, Kind, SoakTest
from lab.hypothesis.validation.statement import Statement
from lab.input_files import Flaw, Node
from lab.measures.table import Scope


def soak_flaws(soak: SoakTest, statements: list[Statement]) -> Iterator[Flaw]:
    """Predictions that take more blocks than the soak has."""
    for statement in statements:
        compared = statement.prediction.compare is not None
        if soak.pairs < MIN_BLOCKS and (compared or statement.prediction.slope is None):
            yield statement.node.at("compare" if compared else "measure").flaw(
                f"this needs {MIN_BLOCKS} blocks or more, and the soak has {soak.pairs}",
                f"Write `soak: {{pairs: {MIN_BLOCKS}}}`; "
                "a soak of one block judges slopes of one arm only.",
            )


def script_flaws(hypothesis: Hypothesis, root: Node, statements: list[Statement]) -> Iterator[Flaw]:
    """What a soak script does not do: it gets the rate alone, and reports counts alone."""
    if not isinstance(hypothesis.kind, SoakTest) or not hypothesis.is_soak_script:
        return
    load = root.at("load")
    if hypothesis.kind.load.arrivals != "constant":
        yield load.at("arrivals").flaw(
            "a soak script makes its arrivals itself, on schedule",
            "Write `arrivals: constant`, or use a locustfile.",
        )
    if "most_users" in load.mapping():
        yield load.at("most_users").flaw(
            "a soak script has no users that the lab could limit",
            "Remove `most_users`, or use a locustfile.",
        )
    for statement in statements:
        if statement.prediction.slope is None:
            yield from _not_reported_by_scripts(statement)


def _not_reported_by_scripts(statement: Statement) -> Iterator[Flaw]:
    measure, node = parse_measure(statement.prediction.measure), statement.node
    if measure.definition is None or measure.scope is not Scope.REQUEST:
        return
    if measure.definition.unit == "s":
        yield node.at("measure").flaw(
            "a soak script counts its requests, and reports no latencies",
            "Choose another measure, such as throughput, or use a locustfile.",
        )
    elif measure.of_some:
        yield node.at("measure").flaw(
            "a soak script counts its requests, and does not name them",
            f"Write `{measure.base}` alone, or use a locustfile.",
        )


def slope_flaws(statement: Statement, kind: Kind) -> Iterator[Flaw]:
    """Slopes of what is no soak, of a part of it, of exactly 0, or compared as a ratio."""
    prediction, node = statement.prediction, statement.node
    if prediction.slope is not None:
        yield from _slope_out_of_place(statement, kind)
        if prediction.bound.edges == (0,):
            yield node.at(prediction.bound.key).flaw(
                "no soak is long enough to distinguish a slope from exactly 0",
                "Write the smallest slope that matters, as in 5 MB/h.",
            )
    if prediction.compare is None:
        return
    left, right = prediction.compare.left, prediction.compare.right
    if prediction.slope is not None and prediction.compare.operator != "-":
        yield node.at("compare").flaw(
            "slopes are compared by their difference, since they may be 0",
            f"Write {left} - {right}.",
        )
    elif prediction.slope is None and prediction.compare.operator == "-":
        yield node.at("compare").flaw(
            "measures are compared by their ratio", f"Write {left} / {right}."
        )


def _slope_out_of_place(statement: Statement, kind: Kind) -> Iterator[Flaw]:
    node = statement.node
    for key in ("at", "during"):
        if key in node.mapping():
            yield node.at(key).flaw(
                f"a slope is measured over the whole soak, and `{key}` names a part of it",
                f"Remove `{key}`.",
            )
    if not isinstance(kind, SoakTest):
        yield node.at("slope").flaw(
            "a slope is measured by a soak only", "Write `kind: soak`, or predict a measure."
        )
