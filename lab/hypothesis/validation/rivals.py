"""A rival must not be decided by the predictions of the claim already."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

from lab.hypothesis.prediction import ValueRange
from lab.hypothesis.validation.statement import Statement
from lab.input_files import Flaw


def decided_rivals(rivals: list[Statement], claimed: list[Statement]) -> Iterator[Flaw]:
    """Rivals that must be supported or contradicted if the predictions of the claim hold."""
    for rival in rivals:
        ranges = [each.range for each in claimed if each.quantity == rival.quantity]
        if not ranges:
            continue
        predicted = reduce(ValueRange.intersection, ranges)
        if predicted.is_within(rival.range):
            outcome = "supported"
        elif predicted.is_disjoint_from(rival.range):
            outcome = "contradicted"
        else:
            continue
        yield rival.node.flaw(
            f"the predictions of {rival.subject} already decide this rival: "
            f"if they hold, it is {outcome}",
            "Let the rival predict what the claim does not: another arm or measure.",
        )
