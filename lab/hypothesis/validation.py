"""What the keys say together: contradictions, idle bounds, rivals that are decided already."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab.hypothesis.front_matter import Flaw, Node, shown, suggestion
from lab.hypothesis.measure_names import (
    OF_SWEEPS,
    PER_CALL,
    PER_PROCESS,
    PER_REQUEST,
    PER_STAGE,
    parse_measure,
)
from lab.hypothesis.model import (
    GROWTHS,
    Allow,
    Benchmark,
    ClosedLoad,
    Hypothesis,
    Load,
    LoadTest,
    OpenLoad,
    Prediction,
    SoakTest,
    Span,
    Stage,
    Sweep,
)
from lab.hypothesis.parser import BOUNDS, LEAST_BLOCKS
from lab.stats.histogram import least_count

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
        return f"{self.prediction.quantity} of {self.prediction.subject}"

    @property
    def quantity(self) -> tuple[str, ...]:
        """What is measured: the same for a / b and b / a."""
        of = self.prediction
        at = "growth" if of.grows else str(of.at)
        return (of.quantity, at, str(of.during), *sorted(of.arms))

    @property
    def span(self) -> Span:
        """The values foreseen, of the comparison in the arms' alphabetical order."""
        if self.prediction.grows is not None:
            return Span(*GROWTHS[self.prediction.grows])
        compare, bound = self.prediction.compare, self.prediction.bound
        mirrored = compare is not None and compare.left > compare.right
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
    match hypothesis.kind:
        case LoadTest() as test:
            yield from _unsent_of_users(hypothesis.allow, test.load, root)
            yield from _other_window(test, root)
            yield from _short_budget(hypothesis, test, root)
        case Benchmark() as benchmark:
            yield from _short_budget(hypothesis, benchmark, root)
        case SoakTest() as soak:
            yield from _wrong_soak(soak, claimed + rivals)
    unsound = [
        flaw
        for statement in claimed + rivals
        for flaw in (
            *_wrong_slope(statement, hypothesis),
            *(() if statement.prediction.slope else _wrong_of_measure(statement, hypothesis)),
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
    if len(arms) < 2 and hypothesis.levels == (None,) and not isinstance(hypothesis.kind, SoakTest):
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


def _wrong_soak(soak: SoakTest, statements: list[_Statement]) -> Iterator[Flaw]:
    for statement in statements:
        compared = statement.prediction.compare is not None
        if soak.pairs < LEAST_BLOCKS and (compared or statement.prediction.slope is None):
            place = statement.node.at("compare" if compared else "measure")
            yield place.flaw(
                f"this needs {LEAST_BLOCKS} blocks or more, and the soak has {soak.pairs}",
                f"Write `soak: {{pairs: {LEAST_BLOCKS}}}`; "
                "a soak of one block judges slopes of one arm only.",
            )


def _wrong_slope(statement: _Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    prediction = statement.prediction
    for key in ("at", "during"):
        if prediction.slope is not None and getattr(prediction, key) is not None:
            yield statement.node.at(key).flaw(
                f"a slope is of the whole soak, and `{key}` of a part", f"Remove `{key}`."
            )
    if prediction.slope is not None and not isinstance(hypothesis.kind, SoakTest):
        yield statement.node.at("slope").flaw(
            "a slope is measured by a soak only", "Write `kind: soak`, or predict a measure."
        )
    for key in ("at_least", "at_most"):
        if prediction.slope is not None and getattr(prediction.bound, key) == 0:
            yield statement.node.at(key).flaw(
                "no time is enough to tell a slope from one of exactly 0",
                "Write the growth that would matter, as in 5 MB/h.",
            )
    if prediction.compare is None:
        return
    place = statement.node.at("compare")
    first, second = prediction.compare.left, prediction.compare.right
    if prediction.slope is not None and prediction.compare.operator != "-":
        yield place.flaw(
            "slopes are compared by their difference, since they may be 0",
            f"Write {first} - {second}.",
        )
    elif prediction.slope is None and prediction.compare.operator == "-":
        yield place.flaw("measures are compared by their ratio", f"Write {first} / {second}.")


def _wrong_of_measure(statement: _Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    """What cannot be said of a slope, which may be anything, of a series yet to be seen."""
    yield from _wrong_measure(statement, hypothesis)
    yield from _wrong_level(statement, hypothesis)
    yield from _wrong_stage(statement, hypothesis)
    yield from _idle_bound(statement, hypothesis)


def _wrong_measure(statement: _Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
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


def _wrong_count(statement: _Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    if not isinstance(hypothesis.kind, Benchmark):
        yield statement.node.at("count").flaw(
            f"a {hypothesis.kind.name} has no exact counts", "Name a `measure:`."
        )
    elif statement.prediction.compare:
        yield statement.node.at("compare").flaw(
            "counts are not compared as a ratio", "Name one `arm:`, and bound its count."
        )


def _wrong_stage(statement: _Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    """`during` names a stage, and the measure is one that can be told of a stage alone."""
    prediction, node = statement.prediction, statement.node
    measure = parse_measure(prediction.measure)
    if prediction.during is None:
        if measure.base in PER_STAGE:
            yield node.at("measure").flaw(
                f"`{measure.base}` needs the stage that it is a recovery from",
                "Add `during:` with the name of a stage of the load.",
            )
        return
    place = node.at("during")
    match hypothesis.kind:
        case LoadTest(load=OpenLoad(stages=stages)):
            pass
        case _:
            stages = ()
    names = [stage.name for stage in stages if stage.name is not None]
    if not names:
        yield place.flaw("the load has no named stages", "Name its `stages`, or remove `during`.")
    elif prediction.during not in names:
        problem = f"there is no stage {shown(prediction.during)}"
        yield place.flaw(problem, suggestion(prediction.during, names))
    elif not (measure.of_requests or measure.base in PER_STAGE):
        yield place.flaw(
            f"{shown(prediction.measure)} is measured over the whole window only",
            "Choose a measure of requests (throughput, error_rate, a latency) or remove `during`.",
        )
    elif measure.base in PER_STAGE:
        yield from _unseen_recovery(statement, stages)
    else:
        stage = next(stage for stage in stages if stage.name == prediction.during)
        yield from _too_few_arrivals(statement, stage)


def _too_few_arrivals(statement: _Statement, stage: Stage) -> Iterator[Flaw]:
    """A stage that is not expected to bring the samples that its measure takes."""
    measure = parse_measure(statement.prediction.measure)
    if measure.base == "throughput":  # of what ends in the stage, whenever it was due
        return
    wanted = 1 if measure.quantile is None else least_count(measure.quantile / 100)
    if stage.arrivals < wanted:
        yield statement.node.at("during").flaw(
            f"about {stage.arrivals:.0f} arrivals are due in `{stage.name}`, and "
            f"{statement.prediction.measure} takes {wanted}",
            "Lengthen the stage, raise its rate, or choose a measure that takes fewer.",
        )


def _unseen_recovery(statement: _Statement, stages: Sequence[Stage]) -> Iterator[Flaw]:
    prediction = statement.prediction
    place = next(i for i, stage in enumerate(stages) if stage.name == prediction.during)
    if place == 0 or place == len(stages) - 1:
        yield statement.node.at("during").flaw(
            f"there is no stage {'before' if place == 0 else 'after'} `{prediction.during}`",
            "Recovery is a return to what was before the stage: put it between two others.",
        )
        return
    rest_s = sum(stage.duration_s or 0.0 for stage in stages[place + 1 :])
    before, wanted = stages[place - 1], least_count(0.5)
    if before.arrivals < wanted:
        yield statement.node.at("during").flaw(
            f"about {before.arrivals:.0f} arrivals are due in the stage before "
            f"`{prediction.during}`, and its median takes {wanted}",
            "Lengthen that stage, or raise its rate.",
        )
    bound = prediction.bound
    edges = bound.within or (bound.at_least or bound.at_most or 0.0,)
    key = next(key for key in BOUNDS if getattr(bound, key) is not None)
    unseen_s = 0.0  # in which nothing is due, so that nothing tells of a recovery
    for stage in itertools.takewhile(lambda stage: not stage.arrivals, stages[place + 1 :]):
        unseen_s += stage.duration_s or 0.0
    if min(edges) <= unseen_s and unseen_s:
        yield statement.node.at(key).flaw(
            f"nothing is due in the {unseen_s:g}s after `{prediction.during}`, in which a recovery "
            f"{bound} s cannot be seen",
            f"Bound it above {unseen_s:g}, or let a stage with arrivals follow.",
        )
    if max(edges) >= rest_s:
        yield statement.node.at(key).flaw(
            f"`{prediction.during}` is followed by {rest_s:g}s only, in which a recovery {bound} "
            "s cannot be told from one that takes longer",
            f"Bound it below {rest_s:g}, or lengthen what follows.",
        )


def _unsent_of_users(allow: Allow, load: Load, root: Node) -> Iterator[Flaw]:
    """Users send when they come to it."""
    closed = isinstance(load, ClosedLoad) or (isinstance(load, Sweep) and load.axis == "users")
    if closed and allow.unsent is not None:
        yield root.at("allow", "unsent").flaw(
            "a load of `users` has no arrivals that could go unsent",
            "Remove `unsent`, or give the load a `rate`.",
        )


def _other_window(test: LoadTest, root: Node) -> Iterator[Flaw]:
    """Stages fill the window."""
    load, window_s = test.load, test.window_s
    if not isinstance(load, OpenLoad) or load.stages[0].duration_s is None:
        return
    total_s = sum(stage.duration_s or 0.0 for stage in load.stages)
    if not math.isclose(total_s, window_s):
        yield root.at("trial", "window").flaw(
            f"the `window` is {window_s:g}s, but the stages take {total_s:g}s",
            f"Write `window: {total_s:g}s`.",
        )


def _wrong_level(statement: _Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    """A level where there is none, or none where there are several."""
    prediction, node = statement.prediction, statement.node
    if prediction.grows is not None:
        yield from _wrong_growth(statement, hypothesis)
        return
    kind = hypothesis.kind
    what = "benchmark" if isinstance(kind, Benchmark) else "load"
    whole = parse_measure(prediction.measure).of_sweep
    levels = [f"{level:.12g}" for level in hypothesis.levels if level is not None]
    if whole and not (isinstance(kind, LoadTest) and isinstance(kind.load, Sweep)):
        yield node.at("measure").flaw(
            f"`{prediction.measure}` is of a sweep, and the load has one level only",
            "Write several levels, as in load: {users: [1, 2, 4, 8, 16, 32, 64]}.",
        )
    elif whole and prediction.at is not None:
        yield node.at("at").flaw(
            f"`{prediction.measure}` is of all levels together", "Remove `at`."
        )
    elif prediction.at is None and levels and not whole:
        yield node.at("count" if prediction.count else "measure").flaw(
            f"there is no telling at which level {prediction.measure} is meant",
            f"Add `at:` with one of {', '.join(levels)}.",
        )
    elif prediction.at is not None and prediction.at not in hypothesis.levels:
        one_of = f"Write one of {', '.join(levels)}." if levels else "Remove `at`."
        yield node.at("at").flaw(f"the {what} has no level {prediction.at:.12g}", one_of)


def _wrong_growth(statement: _Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    """A growth that the sizes cannot show."""
    place = statement.node.at("grows")
    levels = [level for level in hypothesis.levels if level is not None]
    sizes = [level for level in levels if level > 0]
    if not isinstance(hypothesis.kind, Benchmark):
        yield place.flaw(
            f"a {hypothesis.kind.name} has no sizes to grow with", "Bound the measure instead."
        )
    elif statement.prediction.compare:
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


def _idle_bound(statement: _Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    """A bound that nothing could miss, or that nothing could meet."""
    if statement.prediction.grows is not None:
        return
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
    if prediction.count:
        return Span(0, math.inf)
    measure = parse_measure(prediction.measure)
    match hypothesis.kind:
        case LoadTest(load=Sweep(axis="users", levels=levels)):
            users = levels
        case _:
            users = ()
    if measure.base in ("knee", "peak") and prediction.arm and users:  # else: requests in flight
        from lab.stats.sweep_levels import reach  # numpy: too heavy for what has no sweep

        return Span(users[0], reach(users))
    if measure.is_share:
        return Span(0, 1)
    may_be_zero = measure.base in PER_STAGE or not (measure.built_in or prediction.compare)
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


def _short_budget(hypothesis: Hypothesis, kind: LoadTest | Benchmark, root: Node) -> Iterator[Flaw]:
    arms = len(hypothesis.arms)
    trials = arms * len(kind.levels) * kind.repeats
    least_s = LEAST_BLOCKS * trials * kind.trial_s
    if kind.budget_s < least_s:
        held = f"{arms} arms" if trials == arms else f"{trials} trials"
        yield root.at("budget").flaw(
            f"the budget is {root.at('budget').written}, but {LEAST_BLOCKS} blocks "
            f"of {held} take {least_s:g}s",
            f"Write {math.ceil(least_s)}s or more.",
        )
