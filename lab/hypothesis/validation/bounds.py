"""Bounds: each can be met and missed, and no two of the claim exclude or repeat each other."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lab.hypothesis.load_shape import Sweep
from lab.hypothesis.measure_names import parse_measure
from lab.hypothesis.model import Hypothesis, LoadTest
from lab.hypothesis.prediction import Prediction, ValueRange
from lab.hypothesis.validation.statement import Statement
from lab.input_files import Flaw, Node
from lab.input_files.quantities import number_or_slope, percent_readings
from lab.measures.table import Scope
from lab.stats.margins import SweepMargins

_LOOSER = {  # what lets more blocks count, by measure
    "error_rate": "Write `allow: {error_rate: 100%}`, or another share above the bound: a block "
    "with more errors is void, and ends the run.",
    "cpu": "Remove `target_cpu` from `limits`, or set it above the bound: a block that uses "
    "more is void, and ends the run.",
}


def undecidable_bounds(
    statement: Statement, hypothesis: Hypothesis, *, sealed: bool
) -> Iterator[Flaw]:
    """A bound that every value of the measure meets, or that none does.

    Unless it was `sealed`, also one that only blocks could meet, or miss, that a gate voids.
    """
    if statement.prediction.grows is not None:
        return
    domain = _domain(statement.prediction, hypothesis)
    bound, wanted = statement.prediction.bound, statement.prediction.bound.range
    place = statement.node.at(bound.key)
    remedy = _remedy(statement, domain)
    if wanted.low > domain.high or wanted.high < domain.low:
        yield place.flaw(f"no {statement.subject} can be {bound}", remedy)
    elif bound.within and (wanted.low < domain.low or wanted.high > domain.high):
        yield place.flaw(f"a bound {bound} goes beyond what {statement.subject} can be", remedy)
    elif wanted.low <= domain.low and wanted.high >= domain.high:
        yield place.flaw(f"every {statement.subject} is {bound}", remedy)
    elif not sealed:
        yield from _gated_bounds(statement, hypothesis)


def unsupportable_bounds(statement: Statement) -> Iterator[Flaw]:
    """No error, or none but errors: the exact interval of a share goes beyond what was seen.

    Only a prediction of the claim has to be supported. A rival has to be contradicted.
    """
    prediction, bound = statement.prediction, statement.prediction.bound
    if prediction.slope or prediction.count:
        return
    if parse_measure(prediction.measure).base != "error_rate":
        return
    if bound.at_most == 0 or bound.at_least == 1:
        other = "above 0, such as `at_most: 0.1%`" if bound.at_most == 0 else "below 100%"
        yield statement.node.at(bound.key).flaw(
            f"no number of requests shows that an error_rate is {bound}: the next one may differ",
            f"Choose a bound {other}.",
        )


def clashing_bounds(claimed: list[Statement]) -> Iterator[Flaw]:
    """Two predictions of the claim that say the same, or that cannot both hold."""
    for i, later in enumerate(claimed):
        for earlier in claimed[:i]:
            if earlier.quantity != later.quantity:
                continue
            line = earlier.node.line
            if earlier.range.is_within(later.range) and later.range.is_within(earlier.range):
                yield later.node.flaw(
                    f"this predicts the same as line {line}", "Remove one of the two."
                )
            elif earlier.range.is_disjoint_from(later.range):
                yield later.node.flaw(
                    f"this and line {line} cannot both hold ({later.subject})",
                    "Correct one of the two bounds.",
                )


def _remedy(statement: Statement, domain: ValueRange) -> str:
    if domain.high < math.inf:
        possible = f"from {domain.low:g} to {domain.high:g}"
    else:
        possible = "more than 0" if domain.low else "0 or more"
    remedy = f"Choose a bound that can be met and missed: {statement.subject} is {possible}."
    if domain.high == 1:
        remedy += _percent(statement.node.at(statement.prediction.bound.key))
    if domain.high < math.inf and parse_measure(statement.prediction.measure).scope is Scope.SWEEP:
        remedy += " A sweep shows it up to two thirds of its highest level."
    return remedy


def _percent(bound: Node) -> str:
    """How to write percentages, if numbers above 1 stand where a share is due."""
    edges = bound.value if isinstance(bound.value, list) else [bound]
    readings = [percent_readings(number_or_slope(edge)) for edge in edges]
    return "".join(f" Write it{found[1:]}." for found in readings if found)


def _domain(prediction: Prediction, hypothesis: Hypothesis) -> ValueRange:
    """The values that a measure can have at all."""
    if prediction.count:
        return ValueRange(0, math.inf)
    measure = parse_measure(prediction.measure)
    if measure.base in ("knee", "peak") and prediction.arm:
        match hypothesis.kind:
            case LoadTest(load=Sweep(axis="users", levels=levels)):
                from lab.stats.sweep_plateau import reach  # numpy: slow to import

                return ValueRange(levels[0], reach(levels, SweepMargins()))
            case _:
                pass  # of a sweep of rates, they are in requests in flight
    if measure.is_share:
        return ValueRange(0, 1)
    if measure.definition is None:
        may_be_zero = prediction.compare is None
    else:
        may_be_zero = measure.definition.domain == "0 or more"
    return ValueRange(0 if may_be_zero else math.nextafter(0, 1), math.inf)


def _gated_bounds(statement: Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    """A bound at or above the limit of a gate: blocks that reach it do not count."""
    prediction = statement.prediction
    bound, highest = prediction.bound, _highest_that_counts(prediction, hypothesis)
    if max(bound.edges) >= highest:
        yield statement.node.at(bound.key).flaw(
            f"{statement.subject} is at most {highest:g} in every block that counts, so that a "
            f"bound {bound} decides nothing",
            _LOOSER[parse_measure(prediction.measure).base],
        )


def _highest_that_counts(prediction: Prediction, hypothesis: Hypothesis) -> float:
    """The limit of the gate that looks at the same values; infinite if none does."""
    measure, allow, limits = parse_measure(prediction.measure), hypothesis.allow, hypothesis.limits
    if prediction.compare is not None:
        return math.inf
    if measure.base == "cpu" and limits.target_cpu is not None:
        return limits.target_cpu  # of all processes of the target, and so of the one that is loaded
    if measure.base == "error_rate" and not allow.crash:  # whose errors are measured and excused
        is_of_all = not measure.of_some and prediction.during is None
        is_limited = allow.error_rate < 1 if is_of_all else allow.error_rate == 0
        return allow.error_rate if is_limited else math.inf
    return math.inf
