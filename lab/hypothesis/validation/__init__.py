"""What the keys of a hypothesis say together: contradictions, and what could not be decided.

One module per subject. Each yields every flaw that it finds, with its line and remedy.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.hypothesis.model import MIN_BLOCKS, Benchmark, Hypothesis, LoadTest, SoakTest
from lab.hypothesis.validation.arms import arm_flaws
from lab.hypothesis.validation.bounds import (
    clashing_bounds,
    undecidable_bounds,
    unsupportable_bounds,
)
from lab.hypothesis.validation.budget import budget_flaws, fewest_blocks
from lab.hypothesis.validation.load_shape import load_flaws, worker_flaws
from lab.hypothesis.validation.measures import measure_flaws
from lab.hypothesis.validation.passed_variables import passed_flaws
from lab.hypothesis.validation.rivals import decided_rivals
from lab.hypothesis.validation.soak import script_flaws, slope_flaws, soak_flaws
from lab.hypothesis.validation.stages import stage_flaws
from lab.hypothesis.validation.statement import Statement
from lab.hypothesis.validation.sweep_levels import level_flaws
from lab.hypothesis.validation.units import exhaustion_flaws, unit_flaws
from lab.input_files import Flaw, Node

__all__ = ["flaws"]


def flaws(hypothesis: Hypothesis, root: Node, *, sealed: bool = False) -> Iterator[Flaw]:
    """Every flaw that no key has by itself, in no order.

    Args:
        hypothesis: What the keys say.
        root: The front matter.
        sealed: Whether it is the copy in a run: numbers that no measure can reach, or that no
            block that counts can, are read as they were when the run began.
    """
    claimed = [
        Statement(prediction, root.at("predictions", i))
        for i, prediction in enumerate(hypothesis.predictions)
    ]
    rivals = [
        Statement(rival.prediction, root.at("rivals", i))
        for i, rival in enumerate(hypothesis.rivals)
    ]
    statements = [*claimed, *rivals]
    yield from arm_flaws(hypothesis, root, statements)
    yield from passed_flaws(hypothesis, root)
    yield from _kind_flaws(hypothesis, root, statements, sealed=sealed)
    unsound: list[Flaw] = []
    if not sealed:
        yield from exhaustion_flaws(hypothesis, root)
        unsound += [flaw for each in statements for flaw in unit_flaws(each, hypothesis)]
        unsound += [flaw for each in claimed for flaw in unsupportable_bounds(each)]
    unsound += [
        flaw for each in statements for flaw in _statement_flaws(each, hypothesis, sealed=sealed)
    ]
    yield from unsound
    if not unsound:  # bounds can be compared only if each makes sense
        yield from clashing_bounds(claimed)
        yield from decided_rivals(rivals, claimed)


def _kind_flaws(
    hypothesis: Hypothesis, root: Node, statements: list[Statement], *, sealed: bool
) -> Iterator[Flaw]:
    match hypothesis.kind:
        case LoadTest() as test:
            yield from load_flaws(test, hypothesis.allow, root)
            # earlier versions asked for the same number whatever is predicted
            blocks = MIN_BLOCKS if sealed else fewest_blocks(statements)
            yield from budget_flaws(test, len(hypothesis.arms), root, blocks)
            yield from worker_flaws(test, root, is_soak_script=False)
        case Benchmark() as benchmark if not sealed:  # blocks were of another length before
            yield from budget_flaws(benchmark, len(hypothesis.arms), root)
        case SoakTest() as soak:
            yield from soak_flaws(soak, statements)
            yield from worker_flaws(soak, root, is_soak_script=hypothesis.is_soak_script)
            if not sealed:  # earlier versions accepted them
                yield from script_flaws(hypothesis, root, statements)


def _statement_flaws(
    statement: Statement, hypothesis: Hypothesis, *, sealed: bool
) -> Iterator[Flaw]:
    yield from slope_flaws(statement, hypothesis.kind)
    if statement.prediction.slope is not None:
        return  # its series is not known before the run, and its value may be anything
    yield from measure_flaws(statement, hypothesis)
    yield from level_flaws(statement, hypothesis)
    yield from stage_flaws(statement, hypothesis)
    yield from undecidable_bounds(statement, hypothesis, sealed=sealed)
