"""What the keys say together: contradictions, idle bounds, rivals that are decided already."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from lab.frontmatter import Flaw, Node, shown, suggestion
from lab.hypothesis.claim import Difference, Hypothesis, OpenLoad, Prediction, Span, Sweep
from lab.hypothesis.reading import BOUNDS
from lab.hypothesis.words import OF_SWEEPS, PER_PROCESS, PER_REQUEST, parse_measure

LEAST_BLOCKS = 4  # no verdict is reached on fewer


@dataclass(frozen=True)
class _Statement:
    """A prediction, whether of the claim or of a rival, and where it stands."""

    prediction: Prediction
    node: Node

    @property
    def subject(self) -> str:
        """What is measured, in words."""
        return f"{self.prediction.quantity} of {self.prediction.subject}"

    @property
    def quantity(self) -> tuple[str, ...]:
        """What is measured: the same for a / b and b / a."""
        return (self.prediction.quantity, str(self.prediction.at), *sorted(self.prediction.arms))

    @property
    def span(self) -> Span:
        """The values foreseen, of the comparison in the arms' alphabetical order."""
        compare, bound = self.prediction.compare, self.prediction.bound
        mirrored = compare is not None and compare.numerator > compare.denominator
        if self.prediction.slope is None:
            return bound.span.inverse() if mirrored else bound.span
        low = bound.span.low if bound.at_most is None else -math.inf
        return Span(-bound.span.high, -low) if mirrored else Span(low, bound.span.high)


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
    if hypothesis.soak is None:
        yield from _short_budget(hypothesis, root)
    else:
        yield from _wrong_soak(hypothesis, root, claimed + rivals)
    unsound = [
        flaw
        for statement in claimed + rivals
        for flaw in (
            *_wrong_slope(statement, hypothesis.kind),
            *_wrong_measure(statement, hypothesis),
            *_wrong_level(statement, hypothesis),
            *_idle_bound(statement, hypothesis),
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
    if len(arms) < 2 and hypothesis.levels == (None,):
        yield root.at("arms").flaw("there are fewer than two arms", "Add an arm to compare with.")
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


def _wrong_soak(hypothesis: Hypothesis, root: Node, statements: list[_Statement]) -> Iterator[Flaw]:
    load, soak = hypothesis.load, hypothesis.soak
    assert soak is not None
    rates = load.stages if isinstance(load, OpenLoad) else ()
    if len(rates) != 1 or rates[0].duration_s is not None:
        yield root.at("load").flaw(
            "a soak loads its arms at one rate from begin to end",
            "Write it as in {rate: 20, arrivals: constant}.",
        )
    for statement in statements:
        compared = statement.prediction.compare is not None
        if soak.pairs < LEAST_BLOCKS and (compared or statement.prediction.slope is None):
            place = statement.node.at("compare" if compared else "measure")
            yield place.flaw(
                f"this needs {LEAST_BLOCKS} blocks or more, and the soak has {soak.pairs}",
                f"Write `soak: {{pairs: {LEAST_BLOCKS}}}`; "
                "a soak of one block judges slopes of one arm only.",
            )


def _wrong_slope(statement: _Statement, kind: str) -> Iterator[Flaw]:
    prediction = statement.prediction
    if prediction.slope is not None and kind != "soak":
        yield statement.node.at("slope").flaw(
            "a slope is measured by a soak only", "Write `kind: soak`, or predict a measure."
        )
    if prediction.compare is None:
        return
    place = statement.node.at("compare")
    first, second = prediction.compare.numerator, prediction.compare.denominator
    if prediction.slope is not None and not isinstance(prediction.compare, Difference):
        yield place.flaw(
            "slopes are compared by their difference, since they may be 0",
            f"Write {first} - {second}.",
        )
    elif prediction.slope is None and isinstance(prediction.compare, Difference):
        yield place.flaw("measures are compared by their ratio", f"Write {first} / {second}.")


def _wrong_measure(statement: _Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    custom = hypothesis.measures
    if statement.prediction.slope is not None:
        return  # whether the service has such a gauge is seen when it runs
    measure = parse_measure(statement.prediction.measure)
    place = statement.node.at("measure")
    if not measure.built_in and measure.base not in custom:
        quantiles = ("latency_p50", "latency_p95", "latency_p99")
        known = [*PER_REQUEST, *quantiles, *PER_PROCESS, *OF_SWEEPS, *custom]
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


def _wrong_level(statement: _Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    """A level where there is none, or none where there are several."""
    prediction, node = statement.prediction, statement.node
    if prediction.slope is not None:
        return
    whole = parse_measure(prediction.measure).of_sweep
    levels = [f"{level:.12g}" for level in hypothesis.levels if level is not None]
    if whole and not isinstance(hypothesis.load, Sweep):
        yield node.at("measure").flaw(
            f"`{prediction.measure}` is of a sweep, and the load has one level only",
            "Write several levels, as in load: {users: [1, 2, 4, 8, 16, 32, 64]}.",
        )
    elif whole and prediction.at is not None:
        yield node.at("at").flaw(
            f"`{prediction.measure}` is of all levels together", "Remove `at`."
        )
    elif prediction.at is None and levels and not whole:
        yield node.at("measure").flaw(
            f"there is no telling at which level {prediction.measure} is meant",
            f"Add `at:` with one of {', '.join(levels)}.",
        )
    elif prediction.at is not None and prediction.at not in hypothesis.levels:
        one_of = f"Write one of {', '.join(levels)}." if levels else "Remove `at`."
        yield node.at("at").flaw(f"the load has no level {prediction.at:.12g}", one_of)


def _idle_bound(statement: _Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    """A bound that nothing could miss, or that nothing could meet."""
    if statement.prediction.slope is not None:
        return  # a slope may be anything
    domain = _domain(statement.prediction, hypothesis)
    bound, span = statement.prediction.bound, statement.prediction.bound.span
    place = statement.node.at(next(key for key in BOUNDS if getattr(bound, key) is not None))
    if domain.high < math.inf:
        possible = f"from {domain.low:g} to {domain.high:g}"
    else:
        possible = "more than 0" if domain.low else "0 or more"
    remedy = f"Choose a bound that can turn out either way: {statement.subject} is {possible}."
    if domain.high < math.inf and parse_measure(statement.prediction.measure).of_sweep:
        remedy += " A sweep tells it up to two thirds of its highest level."
    if span.low > domain.high or span.high < domain.low:
        yield place.flaw(f"no {statement.subject} can be {bound}", remedy)
    elif bound.within and (span.low < domain.low or span.high > domain.high):
        yield place.flaw(f"a bound {bound} goes beyond what {statement.subject} can be", remedy)
    elif span.low <= domain.low and span.high >= domain.high:
        yield place.flaw(f"every {statement.subject} is {bound}", remedy)


def _domain(prediction: Prediction, hypothesis: Hypothesis) -> Span:
    """Where a measure can lie at all."""
    measure = parse_measure(prediction.measure)
    load = hypothesis.load
    users = load.levels if isinstance(load, Sweep) and load.axis == "users" else None
    if measure.base in ("knee", "peak") and prediction.arm and users:  # else: requests in flight
        from lab.stats.scalability import reach  # numpy: too heavy for what has no sweep

        return Span(users[0], reach(users))
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
    least_s = LEAST_BLOCKS * arms * levels * (trial.warmup_s + trial.window_s)
    if hypothesis.budget_s < least_s:
        held = f"{arms} arms" if levels == 1 else f"{arms * levels} trials"
        yield root.at("budget").flaw(
            f"the budget is {root.at('budget').written}, but {LEAST_BLOCKS} blocks "
            f"of {held} take {least_s:g}s",
            f"Write {math.ceil(least_s)}s or more.",
        )
