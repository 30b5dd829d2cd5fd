"""The measure of a prediction must exist, belong to the kind, and allow the comparison."""

from __future__ import annotations

from collections.abc import Iterator

from lab.hypothesis.measure_names import (
    OF_SWEEPS,
    PER_CALL,
    PER_PROCESS,
    PER_REQUEST,
    PER_STAGE,
    parse_measure,
)
from lab.hypothesis.model import Benchmark, Hypothesis
from lab.hypothesis.validation.statement import Statement
from lab.input_files import Flaw, shown, suggestion


def measure_flaws(statement: Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    """What is wrong with the measure, or with the count, of a prediction."""
    if statement.prediction.count:
        yield from _wrong_count(statement, hypothesis)
        return
    custom = hypothesis.measures
    measure = parse_measure(statement.prediction.measure)
    place = statement.node.at("measure")
    is_benchmark = isinstance(hypothesis.kind, Benchmark)
    if measure.built_in and (measure.base in PER_CALL) != is_benchmark:
        yield place.flaw(
            f"`{measure.base}` is no measure of a {hypothesis.kind.name}",
            f"Write {'time or a `count:`' if is_benchmark else 'throughput or latency_p99'}.",
        )
    elif not measure.built_in and measure.base not in custom:
        quantiles = ("latency_p50", "latency_p95", "latency_p99")
        known = [*PER_REQUEST, *quantiles, *PER_PROCESS, *PER_STAGE, *OF_SWEEPS, *custom]
        yield place.flaw(f"unknown measure {shown(measure.base)}", suggestion(measure.base, known))
    elif measure.request is not None and not measure.of_requests:
        yield place.flaw(
            f"`{measure.base}` cannot be taken of one request", f"Write `{measure.base}` alone."
        )
    elif measure.base in PER_STAGE and statement.prediction.compare:
        yield place.flaw(
            f"`{measure.base}` cannot be compared as a ratio, since it may be 0",
            "Name one `arm:` instead of `compare:`, and bound its seconds.",
        )
    elif measure.is_share and statement.prediction.compare:
        name = measure.base.replace("_", " ")
        yield place.flaw(
            f"shares ({name}) cannot be compared as a ratio, since they may be 0",
            f"Name one `arm:` instead of `compare:`, and bound its {name}.",
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
