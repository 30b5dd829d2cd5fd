"""What the keys say together: contradictions, idle bounds, rivals that are decided already."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from lab.frontmatter import Flaw, Node, shown, suggestion
from lab.hypothesis.claim import GROWTHS, Hypothesis, Prediction, Span
from lab.hypothesis.reading import BOUNDS
from lab.hypothesis.words import PER_CALL, PER_PROCESS, PER_REQUEST, parse_measure

LEAST_BLOCKS = 4  # no verdict is reached on fewer
LEAST_SIZES = 4  # to tell an overhead, a factor and an exponent
LEAST_FOLD = 64.0  # from the smallest size above 0 to the largest


@dataclass(frozen=True)
class _Statement:
    """A prediction, whether of the claim or of a rival, and where it stands."""

    prediction: Prediction
    node: Node

    @property
    def subject(self) -> str:
        """What is measured, in words."""
        return f"{self.prediction.measure} of {self.prediction.subject}"

    @property
    def quantity(self) -> tuple[str, ...]:
        """What is measured: the same for a / b and b / a."""
        at = "growth" if self.prediction.grows else str(self.prediction.at)
        return (self.prediction.measure, at, *sorted(self.prediction.arms))

    @property
    def span(self) -> Span:
        """The values foreseen, of the ratio in the arms' alphabetical order."""
        if self.prediction.grows is not None:
            return Span(*GROWTHS[self.prediction.grows])
        compare, span = self.prediction.compare, self.prediction.bound.span
        mirrored = compare is not None and compare.numerator > compare.denominator
        return span.inverse() if mirrored else span


def contradictions(hypothesis: Hypothesis, root: Node) -> Iterator[Flaw]:
    """Every flaw that no key has by itself."""
    claimed = [
        _Statement(prediction, root.at("predictions", i))
        for i, prediction in enumerate(hypothesis.predictions)
    ]
    rivals = [
        _Statement(rival.prediction, root.at("rivals", i))
        for i, rival in enumerate(hypothesis.rivals)
    ]
    yield from _wrong_arms(hypothesis, root, claimed + rivals)
    yield from _short_budget(hypothesis, root)
    unsound = [
        flaw
        for statement in claimed + rivals
        for flaw in (
            *_wrong_measure(statement, hypothesis),
            *_wrong_level(statement, hypothesis),
            *_idle_bound(statement),
        )
    ]
    yield from unsound
    if not unsound:  # bounds can be set against each other only where each makes sense
        yield from _clashes(claimed)
        yield from _decided(rivals, claimed)


def _wrong_arms(hypothesis: Hypothesis, root: Node, statements: list[_Statement]) -> Iterator[Flaw]:
    arms = hypothesis.arms
    if hypothesis.control not in arms:
        problem = f"the control {shown(hypothesis.control)} is not an arm"
        yield root.at("control").flaw(problem, suggestion(hypothesis.control, arms))
    used = set()
    for statement in statements:
        prediction = statement.prediction
        place = statement.node.at("compare" if prediction.compare else "arm")
        for arm in prediction.arms:
            used.add(arm)
            if arm not in arms:
                yield place.flaw(f"there is no arm {shown(arm)}", suggestion(arm, arms))
        if prediction.compare and len(set(prediction.arms)) == 1:
            yield place.flaw("an arm is compared with itself", "Name two different arms.")
    for arm in arms:
        if arm not in used and used <= set(arms):  # a misspelt arm is no unused one
            yield root.at("arms", arm).flaw(
                f"no prediction and no rival uses the arm `{arm}`",
                "Remove the arm, or predict something of it.",
            )


def _wrong_measure(statement: _Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    if statement.prediction.count:
        yield from _wrong_count(statement, hypothesis)
        return
    measure, custom = parse_measure(statement.prediction.measure), hypothesis.measures
    place = statement.node.at("measure")
    if (hypothesis.benchmark is None) == (measure.base in PER_CALL):
        known = "time, or a `count:`" if hypothesis.benchmark else "throughput or latency_p99"
        yield place.flaw(
            f"`{measure.base}` is no measure of a {hypothesis.kind}", f"Write {known}."
        )
    elif not measure.built_in and measure.base not in custom:
        known = [*PER_REQUEST, "latency_p50", "latency_p95", "latency_p99", *PER_PROCESS, *custom]
        yield place.flaw(f"unknown measure {shown(measure.base)}", suggestion(measure.base, known))
    elif measure.request is not None and not measure.of_requests:
        yield place.flaw(
            f"`{measure.base}` cannot be taken of one request", f"Write `{measure.base}` alone."
        )
    elif measure.is_share and statement.prediction.compare:
        name = measure.base.replace("_", " ")
        yield place.flaw(
            f"shares ({name}) cannot be compared as a ratio, since they may be 0",
            f"Name one `arm:` instead of `compare:`, and bound its {name}.",
        )


def _wrong_count(statement: _Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    if hypothesis.benchmark is None:
        yield statement.node.at("count").flaw(
            f"a {hypothesis.kind} has no exact counts", "Name a `measure:`."
        )
    elif statement.prediction.compare:
        yield statement.node.at("compare").flaw(
            "counts are not compared as a ratio", "Name one `arm:`, and bound its count."
        )


def _wrong_level(statement: _Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    """A level that is none of the parameter's, or a growth that the sizes cannot show."""
    if hypothesis.benchmark is None:
        if statement.prediction.grows:
            yield statement.node.at("grows").flaw(
                f"a {hypothesis.kind} has no sizes to grow with", "Bound a measure."
            )
        return
    at, parameter = statement.prediction.at, hypothesis.benchmark.parameter
    if statement.prediction.grows:
        yield from _wrong_growth(statement, () if parameter is None else parameter.levels)
    elif parameter is None and at is not None:
        yield statement.node.at("at").flaw(
            "the benchmark has no parameter to be at", "Remove it, or add `params:`."
        )
    elif parameter is not None and at not in parameter.levels:
        known = ", ".join(f"{level:.12g}" for level in parameter.levels)
        place = statement.node if at is None else statement.node.at("at")
        which = f"no `at:`, which {parameter.name} it speaks of" if at is None else f"at {at:.12g}"
        yield place.flaw(
            f"{statement.node.title} has {which}"
            if at is None
            else f"the benchmark is not measured {which}",
            f"Write `at:` with one of {known}.",
        )


def _wrong_growth(statement: _Statement, levels: tuple[float, ...]) -> Iterator[Flaw]:
    place = statement.node.at("grows")
    sizes = [level for level in levels if level > 0]
    if statement.prediction.compare:
        yield statement.node.at("compare").flaw("growth is of one arm", "Name it with `arm:`.")
    elif statement.prediction.count:
        yield place.flaw("growth is of time; a count is exact", "Bound the count `at:` each size.")
    elif statement.prediction.at is not None:
        yield statement.node.at("at").flaw("growth is over all sizes", "Remove `at:`.")
    elif len(levels) < LEAST_SIZES:
        yield place.flaw(
            f"growth cannot be told from {len(levels)} sizes",
            f"Give `params:` at least {LEAST_SIZES}: overhead, factor and exponent are unknown.",
        )
    elif sizes[-1] < LEAST_FOLD * sizes[0]:
        yield place.flaw(
            f"sizes from {sizes[0]:.12g} to {sizes[-1]:.12g} span "
            f"{sizes[-1] / sizes[0]:.3g}-fold, too little to tell growths apart",
            f"Let `params:` span at least {LEAST_FOLD:g}-fold.",
        )


def _idle_bound(statement: _Statement) -> Iterator[Flaw]:
    """A bound that nothing could miss, or that nothing could meet."""
    if statement.prediction.grows:
        return
    domain = _domain(statement.prediction)
    bound, span = statement.prediction.bound, statement.prediction.bound.span
    place = statement.node.at(next(key for key in BOUNDS if getattr(bound, key) is not None))
    if domain.high < math.inf:
        possible = f"from {domain.low:g} to {domain.high:g}"
    else:
        possible = "more than 0" if domain.low else "0 or more"
    remedy = f"Choose a bound that can turn out either way: {statement.subject} is {possible}."
    if span.low > domain.high or span.high < domain.low:
        yield place.flaw(f"no {statement.subject} can be {bound}", remedy)
    elif bound.within and (span.low < domain.low or span.high > domain.high):
        yield place.flaw(f"a bound {bound} goes beyond what {statement.subject} can be", remedy)
    elif span.low <= domain.low and span.high >= domain.high:
        yield place.flaw(f"every {statement.subject} is {bound}", remedy)


def _domain(prediction: Prediction) -> Span:
    """Where a measure can lie at all."""
    if prediction.count:
        return Span(0, math.inf)
    measure = parse_measure(prediction.measure)
    if measure.is_share:
        return Span(0, 1)
    may_be_zero = not (measure.built_in or prediction.compare)
    return Span(0 if may_be_zero else math.nextafter(0, 1), math.inf)


def _clashes(claimed: list[_Statement]) -> Iterator[Flaw]:
    for i, later in enumerate(claimed):
        for earlier in claimed[:i]:
            if earlier.quantity != later.quantity:
                continue
            line = earlier.node.line
            if earlier.span.inside(later.span) and later.span.inside(earlier.span):
                yield later.node.flaw(
                    f"this predicts the same as line {line}", "Remove one of the two."
                )
            elif earlier.span.apart(later.span):
                yield later.node.flaw(
                    f"this can never hold together with line {line} ({later.subject})",
                    "Mend one of the two bounds.",
                )


def _decided(rivals: list[_Statement], claimed: list[_Statement]) -> Iterator[Flaw]:
    for rival in rivals:
        foreseen = [c.span for c in claimed if c.quantity == rival.quantity]
        if not foreseen:
            continue
        together = foreseen[0]
        for span in foreseen[1:]:
            together = together.overlap(span)
        fate = (
            "supported" if together.inside(rival.span)
            else "contradicted" if together.apart(rival.span)
            else None
        )  # fmt: skip
        if fate:
            yield rival.node.flaw(
                f"the predictions of {rival.subject} already decide this rival: "
                f"if they hold, it is {fate}",
                "Let the rival predict what the claim does not: another arm or measure.",
            )


def _short_budget(hypothesis: Hypothesis, root: Node) -> Iterator[Flaw]:
    trial, arms = hypothesis.trial, len(hypothesis.arms)
    levels = len(hypothesis.levels)
    trials = arms * levels * hypothesis.repeats
    least_s = LEAST_BLOCKS * trials * (trial.warmup_s + trial.window_s)
    if hypothesis.budget_s < least_s:
        held = f"{arms} arms" if trials == arms else f"{trials} trials"
        yield root.at("budget").flaw(
            f"the budget is {root.at('budget').written}, but {LEAST_BLOCKS} blocks "
            f"of {held} take {least_s:g}s",
            f"Write {math.ceil(least_s)}s or more.",
        )
