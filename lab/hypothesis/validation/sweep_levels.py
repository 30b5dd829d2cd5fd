"""Levels of a sweep and sizes of a benchmark: named where they must be, and enough of them."""

from __future__ import annotations

from collections.abc import Iterator

from lab.hypothesis.load_shape import Sweep
from lab.hypothesis.measure_names import parse_measure
from lab.hypothesis.model import Benchmark, Hypothesis, LoadTest
from lab.hypothesis.validation.statement import Statement
from lab.input_files import Flaw
from lab.measures.table import Scope

MIN_SIZES = 4  # overhead, factor and exponent are fitted
MIN_SPAN = 64.0  # the largest size over the smallest above 0


def level_flaws(statement: Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    """A level where there is none, none where there are several, or too few to show a growth."""
    if statement.prediction.grows is not None:
        yield from _growth_flaws(statement, hypothesis)
    elif parse_measure(statement.prediction.measure).scope is Scope.SWEEP:
        yield from _sweep_measure_flaws(statement, hypothesis)
    else:
        yield from _at_flaws(statement, hypothesis)


def _at_flaws(statement: Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    prediction, node = statement.prediction, statement.node
    levels = [f"{level:.12g}" for level in hypothesis.levels if level is not None]
    if prediction.at is None and levels:
        yield node.at("count" if prediction.count else "measure").flaw(
            f"{prediction.measure} is measured at several levels, and none is named",
            f"Add `at:` with one of {', '.join(levels)}.",
        )
    elif prediction.at is not None and prediction.at not in hypothesis.levels:
        what = "benchmark" if isinstance(hypothesis.kind, Benchmark) else "load"
        one_of = f"Write one of {', '.join(levels)}." if levels else "Remove `at`."
        yield node.at("at").flaw(f"the {what} has no level {prediction.at:.12g}", one_of)


def _sweep_measure_flaws(statement: Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    prediction, node = statement.prediction, statement.node
    is_sweep = isinstance(hypothesis.kind, LoadTest) and isinstance(hypothesis.kind.load, Sweep)
    if not is_sweep:
        yield node.at("measure").flaw(
            f"`{prediction.measure}` needs a sweep, and the load has one level only",
            "Write several levels, as in load: {users: [1, 2, 4, 8, 16, 32, 64]}."
            if isinstance(hypothesis.kind, LoadTest)
            else f"Choose another measure: a {hypothesis.kind.name} has one rate.",
        )
    elif prediction.at is not None:
        yield node.at("at").flaw(f"`{prediction.measure}` is taken over all levels", "Remove `at`.")


def _growth_flaws(statement: Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    place = statement.node.at("grows")
    if not isinstance(hypothesis.kind, Benchmark):
        yield place.flaw(
            f"a {hypothesis.kind.name} has no sizes to grow with", "Bound the measure instead."
        )
    elif statement.prediction.compare:
        yield statement.node.at("compare").flaw(
            "growth is predicted for one arm", "Name it with `arm:`."
        )
    elif statement.prediction.count:
        yield place.flaw(
            "growth is predicted of time; a count is exact", "Bound the count `at:` each size."
        )
    elif statement.prediction.at is not None:
        yield statement.node.at("at").flaw("growth is over all sizes", "Remove `at:`.")
    else:
        yield from _size_flaws(statement, hypothesis)


def _size_flaws(statement: Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    place = statement.node.at("grows")
    levels = [level for level in hypothesis.levels if level is not None]
    sizes = [level for level in levels if level > 0]
    if len(levels) < MIN_SIZES:
        yield place.flaw(
            f"{len(levels)} sizes are too few to show a growth",
            f"Give `params:` at least {MIN_SIZES}: overhead, factor and exponent are unknown.",
        )
    elif sizes[-1] < MIN_SPAN * sizes[0]:
        yield place.flaw(
            f"sizes from {sizes[0]:.12g} to {sizes[-1]:.12g} span "
            f"{sizes[-1] / sizes[0]:.3g}-fold, too little to distinguish growths",
            f"Let `params:` span at least {MIN_SPAN:g}-fold.",
        )
