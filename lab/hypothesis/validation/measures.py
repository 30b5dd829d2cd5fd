"""The measure of a prediction must exist, belong to the kind, and allow the comparison."""

from __future__ import annotations

from collections.abc import Iterator

from lab.hypothesis.measure_names import parse_measure
from lab.hypothesis.model import Benchmark, Hypothesis, MetricGauge, SoakTest
from lab.hypothesis.validation.statement import Statement
from lab.input_files import Flaw, Node, shown, suggestion
from lab.measures.table import MeasureDefinition, Scope, corrected_quantile, names_of

_SUGGESTED = (
    *names_of(Scope.REQUEST, Scope.PROCESS, Scope.STAGE, Scope.SWEEP),
    *("latency_p50", "latency_p95", "latency_p99"),
)


def measure_flaws(statement: Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    """What is wrong with the measure, or with the count, of a prediction."""
    if statement.prediction.count:
        yield from _wrong_count(statement, hypothesis)
        return
    measure = parse_measure(statement.prediction.measure)
    definition, node = measure.definition, statement.node.at("measure")
    is_benchmark = isinstance(hypothesis.kind, Benchmark)
    if definition is None and measure.base not in hypothesis.measures:
        known = [*_SUGGESTED, *hypothesis.measures]
        quantile = corrected_quantile(measure.base)
        remedy = f"Did you mean `{quantile}`?" if quantile else suggestion(measure.base, known)
        yield node.flaw(f"unknown measure {shown(measure.base)}", remedy)
    elif isinstance(hypothesis.kind, SoakTest) and isinstance(
        hypothesis.measures.get(measure.base), MetricGauge
    ):
        yield node.flaw(
            f"`{measure.base}` is a gauge, and a soak measures how one grows",
            "Write `slope:` with the name of the gauge, or a measure of counters.",
        )
    elif definition is not None and (definition.scope is Scope.CALL) != is_benchmark:
        yield node.flaw(
            f"`{measure.base}` is not a measure of a {hypothesis.kind.name}",
            f"Write {'time or a `count:`' if is_benchmark else 'throughput or latency_p99'}.",
        )
    elif measure.of_some and measure.scope is not Scope.REQUEST:
        yield node.flaw(
            f"`{measure.base}` cannot be taken of one request", f"Write `{measure.base}` alone."
        )
    elif definition is not None and statement.prediction.compare:
        yield from _wrong_ratio(definition, node)


def _wrong_ratio(definition: MeasureDefinition, node: Node) -> Iterator[Flaw]:
    if definition.has_ratio:
        return
    if definition.domain == "from 0 to 1":
        yield node.flaw(
            f"shares ({definition.words}) cannot be compared as a ratio, since they may be 0",
            f"Name one `arm:` instead of `compare:`, and bound its {definition.words}.",
        )
    else:
        yield node.flaw(
            f"`{definition.name}` cannot be compared as a ratio, since it may be 0",
            "Name one `arm:` instead of `compare:`, and bound its seconds.",
        )


def _wrong_count(statement: Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    if not isinstance(hypothesis.kind, Benchmark):
        yield statement.node.at("count").flaw(
            f"a {hypothesis.kind.name} has no exact counts", "Name a `measure:`."
        )
    elif statement.prediction.compare:
        yield statement.node.at("compare").flaw(
            "counts are not compared as a ratio", "Name one `arm:`, and bound its count."
        )
