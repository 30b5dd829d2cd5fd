"""Stages of an open load: `during` names one, and it lasts long enough for its measure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from lab.hypothesis.load_shape import OpenLoad, Stage
from lab.hypothesis.measure_names import parse_measure
from lab.hypothesis.model import Hypothesis, LoadTest
from lab.hypothesis.validation.statement import Statement
from lab.input_files import Flaw, shown, suggestion
from lab.measures.table import Scope
from lab.stats.latency_histogram import min_count


def stage_flaws(statement: Statement, hypothesis: Hypothesis) -> Iterator[Flaw]:
    """A stage that is missing, unknown, too short, or one that the measure cannot be taken of."""
    prediction, node = statement.prediction, statement.node
    measure = parse_measure(prediction.measure)
    stages = _stages(hypothesis)
    names = [stage.name for stage in stages if stage.name is not None]
    if measure.scope is Scope.STAGE and (prediction.during is None or not names):
        yield node.at("measure").flaw(
            f"`{measure.base}` needs the stage that it is a recovery from",
            _remedy_without_stage(hypothesis, names),
        )
    if prediction.during is None or (measure.scope is Scope.STAGE and not names):
        return
    place = node.at("during")
    if not names:
        can_have = isinstance(hypothesis.kind, LoadTest)
        remedy = "Name its `stages`, or remove `during`." if can_have else "Remove `during`."
        yield place.flaw("the load has no named stages", remedy)
    elif prediction.during not in names:
        problem = f"there is no stage {shown(prediction.during)}"
        yield place.flaw(problem, suggestion(prediction.during, names))
    elif measure.scope not in (Scope.REQUEST, Scope.STAGE):
        yield place.flaw(
            f"{shown(prediction.measure)} is measured over the whole window only",
            "Choose a measure of requests (throughput, error_rate, a latency) or remove `during`.",
        )
    elif measure.scope is Scope.STAGE:
        yield from _recovery_flaws(statement, stages)
    else:
        stage = next(stage for stage in stages if stage.name == prediction.during)
        yield from _too_few_arrivals(statement, stage)


def _remedy_without_stage(hypothesis: Hypothesis, names: Sequence[str]) -> str:
    if names:
        return "Add `during:` with the name of a stage of the load."
    if isinstance(hypothesis.kind, LoadTest):
        return "Give the load named `stages`, and name one of them with `during:`."
    return f"Choose another measure: a {hypothesis.kind.name} has no stages."


def _stages(hypothesis: Hypothesis) -> tuple[Stage, ...]:
    match hypothesis.kind:
        case LoadTest(load=OpenLoad(stages=stages)):
            return stages
        case _:
            return ()


def _too_few_arrivals(statement: Statement, stage: Stage) -> Iterator[Flaw]:
    """A stage that is not expected to bring the samples that its measure takes."""
    measure = parse_measure(statement.prediction.measure)
    if measure.base == "throughput":  # of what ends in the stage, whenever it was scheduled
        return
    wanted = 1 if measure.quantile is None else min_count(measure.quantile / 100)
    if stage.arrivals < wanted:
        yield statement.node.at("during").flaw(
            f"about {stage.arrivals:.0f} arrivals are scheduled in `{stage.name}`, and "
            f"{statement.prediction.measure} needs {wanted}",
            "Lengthen the stage, raise its rate, or choose a measure that needs fewer.",
        )


def _recovery_flaws(statement: Statement, stages: Sequence[Stage]) -> Iterator[Flaw]:
    name = statement.prediction.during
    place = next(i for i, stage in enumerate(stages) if stage.name == name)
    if place == 0 or place == len(stages) - 1:
        yield statement.node.at("during").flaw(
            f"there is no stage {'before' if place == 0 else 'after'} `{name}`",
            "Recovery is the return to what was before the stage: put it between two others.",
        )
        return
    before, wanted = stages[place - 1], min_count(0.5)
    if before.arrivals < wanted:
        yield statement.node.at("during").flaw(
            f"about {before.arrivals:.0f} arrivals are scheduled in the stage before "
            f"`{name}`, and its median needs {wanted}",
            "Lengthen that stage, or raise its rate.",
        )
    yield from _unseen_recovery(statement, stages[place + 1 :])


def _unseen_recovery(statement: Statement, after: Sequence[Stage]) -> Iterator[Flaw]:
    """A bound that is met or missed where no arrival could show it."""
    name, bound = statement.prediction.during, statement.prediction.bound
    node = statement.node.at(bound.key)
    silent = itertools.takewhile(lambda stage: not stage.arrivals, after)
    silent_s = sum(stage.duration_s or 0.0 for stage in silent)
    rest_s = sum(stage.duration_s or 0.0 for stage in after)
    if min(bound.edges) <= silent_s and silent_s:
        yield node.flaw(
            f"no arrival is scheduled in the {silent_s:g}s after `{name}`, in which a recovery "
            f"{bound} s cannot be seen",
            f"Bound it above {silent_s:g}, or let a stage with arrivals follow.",
        )
    if max(bound.edges) >= rest_s:
        yield node.flaw(
            f"`{name}` is followed by {rest_s:g}s only, in which a recovery {bound} "
            "s cannot be distinguished from a longer one",
            f"Bound it below {rest_s:g}, or lengthen what follows.",
        )
